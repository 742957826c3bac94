// Half precision and bfloat16 as bits, to and from f32. Rounds to nearest, ties to even.
//
//   f16    s eeeee mmmmmmmmmm        bias 15; subnormals kept
//   bf16   s eeeeeeee mmmmmmm        the upper half of an f32
#pragma once

#include <cstdint>

namespace weft::quant {

// Exact.
float f16_to_f32(uint16_t bits);
// Overflow becomes infinity; a NaN stays a (quiet) NaN.
uint16_t f32_to_f16(float value);

float bf16_to_f32(uint16_t bits);
uint16_t f32_to_bf16(float value);

}  // namespace weft::quant
