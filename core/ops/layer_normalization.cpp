// LayerNormalization: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, over the axes from
// `axis` on.
//
//   x                [..., n...]   float; n... are the axes from `axis` (default -1) on
//   weight, bias     [n...]        float, broadcast to n...; bias is optional
//   y                like x
//   mean, deviation  [..., 1...]   optional outputs, of type stash_type: the mean, 1 / sqrt(var +
//   epsilon)
//
// The variance is the mean of squared distances from the mean: the difference of mean squares
// cancels. Ba, Kiros & Hinton, "Layer Normalization", 2016. ONNX operators: LayerNormalization-17.
#include <cmath>

#include "core/ops/normalization.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> layer_normalization_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  const Type& x = context.type(0);
  const int64_t axis = TRY(normalization_axis(context.attrs, int64_t(x.shape.size())));
  TRY(check_parameter(context, 1, "weight", axis));
  TRY(check_parameter(context, 2, "bias", axis));
  const int64_t stash = context.attrs.integer("stash_type", int64_t(DType::f32));
  if (stash != int64_t(DType::f32) && stash != int64_t(DType::bf16)) {
    return Error{"attribute stash_type is " + std::to_string(stash) +
                 ", it can be 1 (f32) or 16 (bf16)"};
  }
  Outputs outputs = one(x);
  Type statistic{DType(stash), x.shape};
  for (size_t i = size_t(axis); i < x.shape.size(); ++i) statistic.shape[i] = 1;
  while (outputs.size() < context.output_count) outputs.emplace_back(statistic);
  return outputs;
}

Status layer_normalization_reference(const OpCall& call) {
  const Array& x = call.inputs[0];
  const int64_t axis = TRY(normalization_axis(call.attrs, x.rank()));
  const double epsilon = call.attrs.real("epsilon", 1e-5);
  const auto weight = TRY(load_parameter(call.inputs[1], x, axis), "weight");
  std::vector<double> bias(weight.size(), 0);
  if (call.has(2)) bias = TRY(load_parameter(call.inputs[2], x, axis), "bias");
  auto values = load_all(x);
  const size_t n = weight.size();
  std::vector<double> means, deviations;
  for (size_t row = 0; n && row < values.size(); row += n) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) sum += values[row + i];
    const double mean = sum / double(n);
    for (size_t i = 0; i < n; ++i) squares += std::pow(values[row + i] - mean, 2);
    const double scale = 1 / std::sqrt(squares / double(n) + epsilon);
    for (size_t i = 0; i < n; ++i) {
      values[row + i] = (values[row + i] - mean) * scale * weight[i] + bias[i];
    }
    means.push_back(mean);
    deviations.push_back(scale);
  }
  std::vector<int64_t> rows = x.shape;
  for (size_t i = size_t(axis); i < rows.size(); ++i) rows[i] = 1;
  const std::vector<double>* results[] = {&values, &means, &deviations};
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (!call.wants(i)) continue;
    TRY(expect_shape(call.outputs[i], "output " + std::to_string(i), i == 0 ? x.shape : rows));
    if (n) store_all(call.outputs[i], *results[i]);
  }
  return {};
}

}  // namespace

extern const OpDef LayerNormalization_def = {
    "LayerNormalization",          "",          17, 2, 3, 1, 3, layer_normalization_infer,
    layer_normalization_reference, RowWise::yes};

}  // namespace weft::ops
