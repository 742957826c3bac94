// GatherElements: y at a place is x at that place, with the index along one axis read from
// `indices`. ScatterElements: the inverse, into a copy of x.
//
//   x        [...]   any type
//   indices  [...]   i32 or i64, of x's rank; a negative one counts from the end
//   GatherElements    y  as indices
//   ScatterElements   updates  as indices, like x;   y  as x
//
// reduction: none (the last one written stays), add, mul, max, min. ONNX operators, opset 25:
// GatherElements-13, ScatterElements-18.
#include <algorithm>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

// Calls visit(position in indices, position in x), both row-major in their own shapes.
template <typename Visit>
Status each_element(const Array& x, const Array& indices, int64_t axis, Visit visit) {
  const auto wanted = load_ints(indices);
  const int64_t n = x.shape[size_t(axis)];
  const auto strides = row_major(x.shape);
  for (int64_t at = 0; at < int64_t(wanted.size()); ++at) {
    const int64_t stated = wanted[size_t(at)], index = stated < 0 ? stated + n : stated;
    if (index < 0 || index >= n) {
      return Error{"index " + std::to_string(stated) + " is outside an axis of " +
                   std::to_string(n)};
    }
    int64_t place = 0, left = at;
    for (size_t d = x.shape.size(); d-- > 0;) {
      const int64_t i = left % indices.shape[d];
      left /= indices.shape[d];
      if (int64_t(d) != axis && i >= x.shape[d])
        return Error{"indices are " + str(indices.shape) + ", x is " + str(x.shape)};
      place += (int64_t(d) == axis ? index : i) * strides[d];
    }
    visit(at, place);
  }
  return {};
}

Status check_indices(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  TRY(expect(context, 1, "indices", Elements::integer));
  const Shape &x = context.type(0).shape, &indices = context.type(1).shape;
  if (x.empty() || x.size() != indices.size()) {
    return Error{"indices are " + sym::str(indices) + ", x is " + sym::str(x) +
                 "; they differ in rank or are scalars"};
  }
  TRY(normalize_axis(context.attrs.integer("axis", 0), int64_t(x.size())));
  return {};
}

Status gather_elements_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &indices = call.inputs[1], &y = call.outputs[0];
  TRY(expect_shape(y, "y", indices.shape));
  if (x.rank() != indices.rank()) return Error{"indices and x differ in rank"};
  const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", 0), x.rank()));
  const bool real = ir::is_float(x.dtype);
  return each_element(x, indices, axis, [&](int64_t at, int64_t place) {
    real ? store(y, at, load(x, place)) : store_int(y, at, load_int(x, place));
  });
}

Result<Outputs> gather_elements_infer(const InferContext& context) {
  TRY(check_indices(context));
  const Type y{context.type(0).dtype, context.type(1).shape};
  return one(y, moved_contents(context, gather_elements_reference, 1, {y}));
}

template <typename Number>
Number reduced(const std::string& how, Number old, Number update) {
  if (how == "add") return Number(old + update);
  if (how == "mul") return Number(old * update);
  if (how == "max") return std::max(old, update);
  if (how == "min") return std::min(old, update);
  return update;
}

Status scatter_elements_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &indices = call.inputs[1], &updates = call.inputs[2];
  const Array& y = call.outputs[0];
  TRY(expect_shape(y, "y", x.shape));
  TRY(expect_shape(updates, "updates", indices.shape));
  if (x.rank() != indices.rank()) return Error{"indices and x differ in rank"};
  const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", 0), x.rank()));
  const std::string how = call.attrs.text("reduction", "none");
  copy_elements(x, y);
  const bool real = ir::is_float(x.dtype);
  return each_element(x, indices, axis, [&](int64_t at, int64_t place) {
    if (real) {
      store(y, place, reduced(how, load(y, place), load(updates, at)));
    } else {
      store_int(y, place, reduced(how, load_int(y, place), load_int(updates, at)));
    }
  });
}

Result<Outputs> scatter_elements_infer(const InferContext& context) {
  TRY(check_indices(context));
  TRY(expect_same(context, 0, 2));
  if (context.type(2).shape.size() != context.type(1).shape.size())
    return Error{"indices and updates differ in rank"};
  const std::string how = context.attrs.text("reduction", "none");
  constexpr const char* kKnown[] = {"none", "add", "mul", "max", "min"};
  if (std::find(std::begin(kKnown), std::end(kKnown), how) == std::end(kKnown))
    return Error{"attribute reduction is '" + how + "'; none, add, mul, max or min are known"};
  return one(context.type(0));
}

}  // namespace

extern const OpDef GatherElements_def = {
    "GatherElements", "", 13, 2, 2, 1, 1, gather_elements_infer, gather_elements_reference};
extern const OpDef ScatterElements_def = {
    "ScatterElements", "", 18, 3, 3, 1, 1, scatter_elements_infer, scatter_elements_reference};

}  // namespace weft::ops
