// Softmax: y = exp(x - max(x)) / sum(exp(x - max(x))) along `axis` (default -1).
//
//   x  [...]   float
//   y  like x
//
// The largest element is subtracted, so that exp does not overflow.
// ONNX operators, opset 25: Softmax-13.
#include <algorithm>
#include <cmath>

#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> softmax_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  const auto rank = int64_t(context.type(0).shape.size());
  TRY(normalize_axis(context.attrs.integer("axis", -1), rank));
  return one(context.type(0));
}

Array axis_last(const Array& array, int64_t axis) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < array.rank(); ++i) {
    if (i != axis) order.push_back(i);
  }
  order.push_back(axis);
  return permuted(array, order);
}

Status softmax_reference(const OpCall& call) {
  Tensor scratch;
  const Array x = dense(call.inputs[0], scratch);
  TRY(expect_shape(x, "x", call.outputs[0].shape));
  const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", -1), x.rank()));
  auto values = load_all(axis_last(x, axis));
  const auto n = size_t(x.shape[size_t(axis)]);
  for (size_t row = 0; n && row < values.size(); row += n) {
    const std::span<double> group(values.data() + row, n);
    const double top = *std::max_element(group.begin(), group.end());
    double sum = 0;
    for (double& value : group) sum += value = std::exp(value - top);
    for (double& value : group) value /= sum;
  }
  store_all(axis_last(call.outputs[0], axis), values);
  return {};
}

}  // namespace

extern const OpDef Softmax_def = {"Softmax",         "",          13, 1, 1, 1, 1, softmax_infer,
                                  softmax_reference, RowWise::yes};

}  // namespace weft::ops
