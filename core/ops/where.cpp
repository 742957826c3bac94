// Where: z = condition ? x : y, element by element, broadcast as in numpy.
//
//   condition  bool [...]
//   x, y       one element type
//   z          broadcast of all three
//
// Exporters write the target of Expand as Where(Equal(shape, -1), ones, shape): with the condition
// decided by the bounds, or both branches the same expression, the contents are known.
// ONNX operators, opset 25: Where-16.
#include "core/ops/broadcast.h"
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Contents where_contents(const InferContext& context, const Shape& out) {
  const auto *x = context.contents(1), *y = context.contents(2);
  const auto* condition = context.contents(0);
  const auto to = constant_shape(out);
  if (!x || !y || !to || !small_count(out)) return {};
  std::vector<std::vector<size_t>> at;
  for (size_t i = 0; i < 3; ++i) {
    const auto from = constant_shape(context.type(i).shape);
    if (!from) return {};
    at.push_back(broadcast_index(*from, *to));
  }
  std::vector<Dim> values;
  for (size_t i = 0; i < at[0].size(); ++i) {
    const Dim &when = (*x)[at[1][i]], &otherwise = (*y)[at[2][i]];
    if (when == otherwise) {
      values.push_back(when);
    } else if (condition && (*condition)[at[0][i]].is_constant()) {
      values.push_back((*condition)[at[0][i]].constant() ? when : otherwise);
    } else {
      return {};
    }
  }
  return values;
}

Result<Outputs> where_infer(const InferContext& context) {
  TRY(expect(context, 0, "the condition", Elements::boolean));
  TRY(expect(context, 1, "x", Elements::any));
  TRY(expect_same(context, 1, 2));
  Shape shape = TRY(broadcast(context.bounds, context.type(1).shape, context.type(2).shape));
  shape = TRY(broadcast(context.bounds, context.type(0).shape, shape));
  auto contents = where_contents(context, shape);
  return one({context.type(1).dtype, std::move(shape)}, std::move(contents));
}

Status where_reference(const OpCall& call) {
  const Array& out = call.outputs[0];
  const auto condition = TRY(load_ints_broadcast(call.inputs[0], out.shape));
  if (ir::is_float(out.dtype)) {
    auto x = TRY(load_broadcast(call.inputs[1], out.shape));
    const auto y = TRY(load_broadcast(call.inputs[2], out.shape));
    for (size_t i = 0; i < x.size(); ++i) x[i] = condition[i] ? x[i] : y[i];
    store_all(out, x);
  } else {
    auto x = TRY(load_ints_broadcast(call.inputs[1], out.shape));
    const auto y = TRY(load_ints_broadcast(call.inputs[2], out.shape));
    for (size_t i = 0; i < x.size(); ++i) x[i] = condition[i] ? x[i] : y[i];
    store_ints(out, x);
  }
  return {};
}

}  // namespace

extern const OpDef Where_def = {"Where",           "", 16, 3, 3, 1, 1, where_infer, where_reference,
                                RowWise::broadcast};

}  // namespace weft::ops
