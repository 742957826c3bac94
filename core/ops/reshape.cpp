// Reshape: the same elements, row-major, in another shape. Flatten: in two dims.
//
//   x      [...]   any type
//   shape  [r]     i64; 0 copies x's dim there (with allowzero = 1 it is a 0), one -1 takes what is
//   left y      [shape] Flatten:  y [product of dims before `axis`, product of the rest]
//
// -1 under symbols is an exact polynomial division where there is one, else a floor division; the
// reference checks the count.
// ONNX operators, opset 25: Reshape-25, Flatten-25.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Status same_elements(const OpCall& call) {
  if (call.inputs[0].count() != call.outputs[0].count()) {
    return Error{"x is " + str(call.inputs[0].shape) + " and y " + str(call.outputs[0].shape) +
                 ", which do not have the same number of elements"};
  }
  copy_elements(call.inputs[0], call.outputs[0]);
  return {};
}

Contents same_contents(const InferContext& context) {
  const auto* known = context.contents(0);
  return known ? Contents(*known) : Contents();
}

// The dim that -1 stands for.
Result<Dim> rest(const sym::Bounds& bounds, const Dim& all, const Dim& others) {
  if (others == Dim(0)) return Error{"a dim of -1 has no meaning beside a dim of 0"};
  if (all.is_constant() && others.is_constant() && all.constant() % others.constant() != 0) {
    return Error{std::to_string(all.constant()) + " elements do not divide by " +
                 std::to_string(others.constant())};
  }
  if (auto exact = sym::divide_exactly(all, others)) return *exact;
  if (bounds.ge(others, 0) == sym::Truth::no) {
    return Error{"the other dims multiply to " + others.str() + ", which can be negative"};
  }
  return sym::floordiv(all, others);
}

Result<Outputs> reshape_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  Shape shape = TRY(known_ints(context, 1, "shape"));
  const bool allow_zero = context.attrs.integer("allowzero", 0) != 0;
  std::optional<size_t> open;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == Dim(0) && !allow_zero) {
      if (i >= x.shape.size()) {
        return Error{"dim " + std::to_string(i) + " of shape is 0, to be copied from x, which is " +
                     sym::str(x.shape)};
      }
      shape[i] = x.shape[i];
    } else if (shape[i] == Dim(-1)) {
      if (open) return Error{"shape has more than one -1"};
      open = i;
    } else if (shape[i].is_constant() && shape[i].constant() < 0) {
      return Error{"dim " + std::to_string(i) + " of shape is " + shape[i].str()};
    }
  }
  const Dim all = sym::product(x.shape);
  if (open) {
    shape[*open] = 1;
    shape[*open] = TRY(rest(context.bounds, all, sym::product(shape)), "x is " + sym::str(x.shape));
  } else if (equal(context.bounds, all, sym::product(shape)) == sym::Truth::no) {
    return Error{"x is " + sym::str(x.shape) + ", which does not have the elements of " +
                 sym::str(shape)};
  }
  return one({x.dtype, std::move(shape)}, same_contents(context));
}

Result<Outputs> flatten_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  const auto rank = int64_t(x.shape.size());
  int64_t axis = context.attrs.integer("axis", 1);
  if (axis < -rank || axis > rank) {
    return Error{"axis " + std::to_string(axis) + " does not exist in a tensor of rank " +
                 std::to_string(rank)};
  }
  if (axis < 0) axis += rank;
  const Shape outer(x.shape.begin(), x.shape.begin() + axis);
  const Shape inner(x.shape.begin() + axis, x.shape.end());
  return one({x.dtype, {sym::product(outer), sym::product(inner)}}, same_contents(context));
}

}  // namespace

extern const OpDef Reshape_def = {"Reshape", "", 25, 2, 2, 1, 1, reshape_infer, same_elements};
extern const OpDef Flatten_def = {"Flatten", "", 25, 1, 1, 1, 1, flatten_infer, same_elements};

}  // namespace weft::ops
