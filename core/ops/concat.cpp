// Concat: y = the inputs one after the other along `axis`.
//
//   x_i  [A..., n_i, B...]   any type, the same for all
//   y    [A..., sum of n_i, B...]
//
// An input that already lies at its place in y (a cache that grows in place) is not copied.
// ONNX operators, opset 25: Concat-13.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<int64_t> axis_of(const Attrs& attrs, size_t rank) {
  if (!attrs.has("axis")) return Error{"attribute axis is missing"};
  return TRY(normalize_axis(attrs.integer("axis", 0), int64_t(rank)));
}

Status concat_reference(const OpCall& call) {
  const Array& y = call.outputs[0];
  const int64_t axis = TRY(axis_of(call.attrs, y.shape.size()));
  int64_t first = 0;
  for (const Array& x : call.inputs) {
    if (x.rank() != y.rank()) return Error{"the inputs differ in rank"};
    std::vector<int64_t> place = y.shape;
    place[size_t(axis)] = x.shape[size_t(axis)];
    TRY(expect_shape(x, "an input", place));
    if (first + x.shape[size_t(axis)] > y.shape[size_t(axis)]) break;
    copy_elements(x, narrowed(y, axis, first, x.shape[size_t(axis)]));
    first += x.shape[size_t(axis)];
  }
  if (first != y.shape[size_t(axis)]) return Error{"the inputs do not add up to " + str(y.shape)};
  return {};
}

Result<Outputs> concat_infer(const InferContext& context) {
  TRY(expect(context, 0, "input 0", Elements::any));
  Type y = context.type(0);
  const int64_t axis = TRY(axis_of(context.attrs, y.shape.size()));
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    TRY(expect_same(context, 0, i));
    const Shape& x = context.type(i).shape;
    const auto mismatch = [&] {
      return Error{"input " + std::to_string(i) + " is " + sym::str(x) + ", input 0 is " +
                   sym::str(context.type(0).shape) + "; they may differ on axis " +
                   std::to_string(axis) + " only"};
    };
    if (x.size() != y.shape.size()) return mismatch();
    for (size_t d = 0; d < x.size(); ++d) {
      if (int64_t(d) == axis) {
        y.shape[d] = y.shape[d] + x[d];
      } else if (equal(context.bounds, x[d], y.shape[d]) == sym::Truth::no) {
        return mismatch();
      } else if (x[d].is_constant()) {
        y.shape[d] = x[d];
      }
    }
  }
  auto contents = moved_contents(context, concat_reference, context.inputs.size(), {y});
  return one(std::move(y), std::move(contents));
}

}  // namespace

extern const OpDef Concat_def = {"Concat", "", 13, 1, -1, 1, 1, concat_infer, concat_reference};

}  // namespace weft::ops
