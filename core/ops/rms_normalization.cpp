// RMSNormalization: y = x / sqrt(mean(x^2) + epsilon) * weight, over the axes from `axis` on.
//
//   x       [..., n...]   float; n... are the axes from `axis` (default -1) on
//   weight  [n...]        float, broadcasts to n...
//   y       like x
//
// Attribute stash_type names the type the mean is taken in; the reference takes it in double, which
// is no less exact. The squares of large f16 activations overflow f16. Zhang & Sennrich, "Root Mean
// Square Layer Normalization", 2019. ONNX operators: RMSNormalization-23.
#include <cmath>

#include "core/ops/normalization.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> rms_normalization_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  const Type& x = context.type(0);
  const int64_t axis = TRY(normalization_axis(context.attrs, int64_t(x.shape.size())));
  TRY(check_parameter(context, 1, "weight", axis));
  return one(x);
}

Status rms_normalization_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &y = call.outputs[0];
  TRY(expect_shape(x, "x", y.shape));
  const int64_t axis = TRY(normalization_axis(call.attrs, x.rank()));
  const double epsilon = call.attrs.real("epsilon", 1e-5);
  const auto weight = TRY(load_parameter(call.inputs[1], x, axis), "weight");
  auto values = load_all(x);
  const size_t n = weight.size();
  for (size_t row = 0; n && row < values.size(); row += n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += values[row + i] * values[row + i];
    const double scale = 1 / std::sqrt(sum / double(n) + epsilon);
    for (size_t i = 0; i < n; ++i) values[row + i] *= scale * weight[i];
  }
  store_all(y, values);
  return {};
}

}  // namespace

extern const OpDef RMSNormalization_def = {
    "RMSNormalization",          "",          23, 2, 2, 1, 1, rms_normalization_infer,
    rms_normalization_reference, RowWise::yes};

}  // namespace weft::ops
