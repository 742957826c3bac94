#include "quant/int8_weights.h"

#include <algorithm>
#include <cmath>

namespace weft::quant {

std::optional<std::vector<float>> int8_scales(std::span<const float> weights, size_t columns,
                                              ScalesOf of) {
  std::vector<float> scales(of == ScalesOf::tensor ? 1 : columns, 0.0f);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!std::isfinite(weights[i])) return {};
    float& largest = scales[of == ScalesOf::tensor ? 0 : i % columns];
    largest = std::max(largest, std::abs(weights[i]));
  }
  for (float& scale : scales) scale = scale > 0 ? scale / 127 : 1;
  return scales;
}

std::optional<Int8Weights> int8_weights(std::span<const float> weights, size_t columns,
                                        ScalesOf of) {
  auto scales = int8_scales(weights, columns, of);
  if (!scales) return {};
  Int8Weights out{std::vector<int8_t>(weights.size()), std::move(*scales)};
  for (size_t i = 0; i < weights.size(); ++i) {
    const float code = std::nearbyint(weights[i] / out.scale_of(i % columns));
    out.codes[i] = int8_t(std::clamp(code, -127.0f, 127.0f));
  }
  return out;
}

}  // namespace weft::quant
