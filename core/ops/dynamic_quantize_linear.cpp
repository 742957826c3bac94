// DynamicQuantizeLinear: u8 codes of x with one scale and zero point taken from x itself.
//
//   x       [...]   f32
//   y       [...]   u8: saturate(round_even(x / scale) + zero)
//   scale   []      f32: (max(x, 0) - min(x, 0)) / 255
//   zero    []      u8:  saturate(round_even(-min(x, 0) / scale))
//
// Where x is all zeros the scale is 0 and every code is 0. Extremes are taken over the whole
// tensor, so a row's codes depend on the other rows. ONNX operators, opset 25:
// DynamicQuantizeLinear-11.
#include <algorithm>
#include <cmath>

#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> dynamic_quantize_infer(const InferContext& context) {
  if (context.type(0).dtype != DType::f32) {
    return Error{"x is " + std::string(ir::name(context.type(0).dtype)) + ", f32 is needed"};
  }
  Outputs outputs;
  outputs.emplace_back(Type{DType::u8, context.type(0).shape});
  outputs.emplace_back(Type{DType::f32, {}});
  outputs.emplace_back(Type{DType::u8, {}});
  return outputs;
}

Status dynamic_quantize_reference(const OpCall& call) {
  auto values = load_all(call.inputs[0]);
  float lo = 0, hi = 0;
  for (const double value : values) {
    lo = std::min(lo, float(value));
    hi = std::max(hi, float(value));
  }
  const float scale = (hi - lo) / 255.0f;
  const float zero = scale > 0 ? std::clamp(std::nearbyint(-lo / scale), 0.0f, 255.0f) : 0.0f;
  for (double& value : values) {
    const float quotient = scale > 0 ? float(value) / scale : 0.0f;
    value = std::isnan(quotient) ? zero : std::clamp(std::nearbyint(quotient) + zero, 0.0f, 255.0f);
  }
  if (call.wants(0)) {
    TRY(expect_shape(call.outputs[0], "y", call.inputs[0].shape));
    store_all(call.outputs[0], values);
  }
  if (call.wants(1)) store(call.outputs[1], 0, scale);
  if (call.wants(2)) store(call.outputs[2], 0, zero);
  return {};
}

}  // namespace

extern const OpDef DynamicQuantizeLinear_def = {
    "DynamicQuantizeLinear",   "", 11, 1, 1, 3, 3, dynamic_quantize_infer,
    dynamic_quantize_reference};

}  // namespace weft::ops
