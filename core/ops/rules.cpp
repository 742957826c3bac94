// What shape rules share; see rules.h.
#include "core/ops/rules.h"

#include <algorithm>

namespace weft::ops {

using sym::Truth;

Outputs one(Type type, std::optional<std::vector<Dim>> contents) {
  Outputs outputs;
  outputs.emplace_back(std::move(type), std::move(contents));
  return outputs;
}

Result<int64_t> normalize_axis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) {
    return Error{"axis " + std::to_string(axis) + " does not exist in a tensor of rank " +
                 std::to_string(rank)};
  }
  return axis < 0 ? axis + rank : axis;
}

Result<std::vector<int64_t>> normalize_axes(std::span<const int64_t> axes, int64_t rank) {
  std::vector<int64_t> normal;
  for (int64_t axis : axes) normal.push_back(TRY(normalize_axis(axis, rank)));
  std::sort(normal.begin(), normal.end());
  const auto twice = std::adjacent_find(normal.begin(), normal.end());
  if (twice != normal.end()) return Error{"axis " + std::to_string(*twice) + " is named twice"};
  return normal;
}

Truth equal(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  if (a == b) return Truth::yes;
  if (a.is_constant() && b.is_constant()) return Truth::no;
  if (bounds.ge(a, b + 1) == Truth::yes || bounds.ge(b, a + 1) == Truth::yes) return Truth::no;
  return Truth::unknown;
}

Dim larger(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  if (bounds.ge(a, b) == Truth::yes) return a;
  if (bounds.ge(b, a) == Truth::yes) return b;
  return sym::max(a, b);
}

Dim smaller(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  if (bounds.ge(a, b) == Truth::yes) return b;
  if (bounds.ge(b, a) == Truth::yes) return a;
  return sym::min(a, b);
}

std::optional<Dim> divided(const Dim& a, int64_t b) {
  if (auto exact = sym::divide_exactly(a, b)) return exact;
  if (a.is_constant()) return {};
  return sym::floordiv(a, b);
}

bool matches(DType dtype, Elements wanted) {
  switch (wanted) {
    case Elements::real:
      return ir::is_float(dtype);
    case Elements::integer:
      return ir::is_integer(dtype) && ir::bits(dtype) >= 8;
    case Elements::number:
      return matches(dtype, Elements::real) || matches(dtype, Elements::integer);
    case Elements::boolean:
      return dtype == DType::boolean;
    case Elements::any:
      return matches(dtype, Elements::number) || dtype == DType::boolean;
  }
  return false;
}

Status expect(const InferContext& context, size_t input, std::string_view name, Elements wanted) {
  if (!context.has(input) || matches(context.type(input).dtype, wanted)) return {};
  static constexpr std::string_view words[] = {"a float type", "an integer type", "a numeric type",
                                               "bool", "a float, integer or bool type"};
  return Error{std::string(name) + " is " + std::string(ir::name(context.type(input).dtype)) +
               ", " + std::string(words[size_t(wanted)]) + " is needed"};
}

Status expect_same(const InferContext& context, size_t a, size_t b) {
  if (!context.has(a) || !context.has(b)) return {};
  const DType x = context.type(a).dtype, y = context.type(b).dtype;
  if (x == y) return {};
  return Error{"input " + std::to_string(a) + " is " + std::string(ir::name(x)) + " and input " +
               std::to_string(b) + " is " + std::string(ir::name(y)) +
               "; they must have one element type"};
}

Result<std::vector<Dim>> known_ints(const InferContext& context, size_t input,
                                    std::string_view name) {
  TRY(expect(context, input, name, Elements::integer));
  if (const auto* contents = context.contents(input)) return *contents;
  // Nothing to know of a tensor without elements.
  for (const Dim& dim : context.type(input).shape) {
    if (dim == Dim(0)) return std::vector<Dim>{};
  }
  return Error{
      std::string(name) +
      " is computed from data at run time; a shape may depend only on the sizes of inputs"};
}

Result<std::vector<int64_t>> constant_ints(const InferContext& context, size_t input,
                                           std::string_view name) {
  std::vector<int64_t> values;
  for (const Dim& dim : TRY(known_ints(context, input, name))) {
    if (!dim.is_constant()) {
      return Error{std::string(name) + " contains " + dim.str() + "; it must be a constant"};
    }
    values.push_back(dim.constant());
  }
  return values;
}

std::string str(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

Status expect_shape(const Array& array, std::string_view name, std::span<const int64_t> shape) {
  if (std::ranges::equal(array.shape, shape)) return {};
  return Error{std::string(name) + " is " + str(array.shape) + ", expected " + str(shape)};
}

}  // namespace weft::ops
