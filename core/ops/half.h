// The two 16-bit float types as they lie in memory, and their conversions.
//
// Widening is exact. Narrowing rounds to nearest, ties to even, straight from double: going through
// float first would round twice. IEEE 754-2019 for f16; bf16 is the upper half of a float.
#pragma once

#include <cstdint>

namespace weft::ops {

struct Half {
  uint16_t bits = 0;
};
struct BFloat {
  uint16_t bits = 0;
};

double to_double(Half value);
double to_double(BFloat value);
// Values beyond the largest finite one become infinities; NaN becomes a quiet NaN.
Half to_half(double value);
BFloat to_bfloat(double value);

}  // namespace weft::ops
