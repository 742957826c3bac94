// Weights [K, N] as int8 codes with one scale per output channel, or one for all.
//
//   w_kn = code_kn * scale_n        code in -127 .. 127, scale = max_k |w_kn| / 127
//
// -128 is not used: the grid is symmetric, and units that multiply pairs of bytes into 16 bits
// never saturate. A channel of zeros has scale 1.
// Threads: any; there is no state.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace weft::quant {

struct Int8Weights {
  std::vector<int8_t> codes;  // [K, N]
  std::vector<float> scales;  // [N], or [1]
  float scale_of(size_t column) const { return scales[scales.size() == 1 ? 0 : column]; }
};

enum class ScalesOf : uint8_t { channel, tensor };

// The scales of largest magnitudes. Nothing where a weight is not finite.
std::optional<std::vector<float>> int8_scales(std::span<const float> weights, size_t columns,
                                              ScalesOf of);
// The nearest codes. Nothing where a weight is not finite.
std::optional<Int8Weights> int8_weights(std::span<const float> weights, size_t columns,
                                        ScalesOf of);

}  // namespace weft::quant
