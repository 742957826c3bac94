// OutlierMatMul (domain weft): what an int8 product leaves out of activations beyond its codes.
//
//   x        [..., K]   f32
//   x_scale  []         f32: the step of the codes, as QuantizeLinear has it
//   w        [K, N]     i8 codes of the weights, those of the product beside it
//   scale    [] or [N]  f32: x_scale times the scale of the weights
//   y        [..., N]   f32: ((q - clamp(q, -128, 127)) w) * scale with q = round_even(x / x_scale)
//   attributes  hot     indices of K that calibration saw beyond the codes; a hint for what keeps
//                       rows of w at hand, without influence on y
//
// With MatMulInteger of clamp(q) and DequantizeLinear by `scale` beside it, the sum is the product
// of q itself, of any size: the residual is exact, and zero for nearly all of x. q is float, so it
// has no limit of its own; NaN and infinity stay what they are.
//
// Xu et al., "Fast On-device LLM Inference with NPUs", ASPLOS 2025, shadow outlier execution. The
// paper prints the residual as floor(x / s / 128) * 128, which is not what x leaves behind: it is
// -128 for every small negative x.
#include <algorithm>
#include <cmath>

#include "core/ops/matrix.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

constexpr size_t kX = 0, kXScale = 1, kW = 2, kScale = 3;

bool is_one(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& d) { return d == Dim(1); });
}

Result<Outputs> outlier_matmul_infer(const InferContext& context) {
  for (const size_t input : {kX, kXScale, kScale}) {
    if (context.type(input).dtype != DType::f32) {
      return Error{"input " + std::to_string(input) + " is " +
                   std::string(ir::name(context.type(input).dtype)) + ", f32 is needed"};
    }
  }
  if (context.type(kW).dtype != DType::i8)
    return Error{"w is " + std::string(ir::name(context.type(kW).dtype)) + ", i8 is needed"};
  const Shape &x = context.type(kX).shape, &w = context.type(kW).shape;
  const Shape& scale = context.type(kScale).shape;
  const bool fits = !x.empty() && w.size() == 2 &&
                    equal(context.bounds, x.back(), w[0]) != sym::Truth::no &&
                    is_one(context.type(kXScale).shape) && scale.size() <= 1 &&
                    (is_one(scale) || equal(context.bounds, scale[0], w[1]) != sym::Truth::no);
  if (!fits) {
    return Error{"x is " + sym::str(x) + ", its scale " + sym::str(context.type(kXScale).shape) +
                 ", w " + sym::str(w) + " and the scale " + sym::str(scale) +
                 "; [..., K], [], [K, N] and [N] belong together"};
  }
  Shape y = x;
  y.back() = w[1];
  return one({DType::f32, y});
}

Status outlier_matmul_reference(const OpCall& call) {
  const Array &x = call.inputs[kX], &w = call.inputs[kW], &y = call.outputs[0];
  if (x.rank() < 1 || w.rank() != 2 || x.shape.back() != w.shape[0])
    return Error{"x is " + str(x.shape) + " and w " + str(w.shape)};
  std::vector<int64_t> expected = x.shape;
  expected.back() = w.shape[1];
  TRY(expect_shape(y, "y", expected));
  const auto scales = load_all(call.inputs[kScale]);
  const auto columns = size_t(w.shape[1]);
  if (scales.size() != 1 && scales.size() != columns)
    return Error{"there are " + std::to_string(scales.size()) + " scales for " +
                 std::to_string(columns) + " columns"};
  const float step = float(load(call.inputs[kXScale], 0));
  auto residuals = load_all(x);
  for (double& value : residuals) {
    const double q = std::nearbyint(float(value) / step);
    value = q - std::clamp(q, -128.0, 127.0);
  }
  const int64_t rows = x.shape.back() > 0 ? x.count() / x.shape.back() : 0;
  Tensor weights = Tensor::zeros(DType::f64, w.shape);
  store_all(weights.view(), load_all(w));
  Tensor sums = Tensor::zeros(DType::f64, {rows, w.shape[1]});
  multiply(residuals, rows, weights.view(), sums.view());
  auto values = load_all(sums.view());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= scales[scales.size() == 1 ? 0 : i % columns];
  store_all(y, values);
  return {};
}

}  // namespace

extern const OpDef OutlierMatMul_def = {
    "OutlierMatMul",          "weft",      1, 4, 4, 1, 1, outlier_matmul_infer,
    outlier_matmul_reference, RowWise::yes};

}  // namespace weft::ops
