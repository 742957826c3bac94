// Conversions of the two 16-bit float types; see half.h.
#include "core/ops/half.h"

#include <array>
#include <bit>
#include <cmath>
#include <memory>

namespace weft::ops {
namespace {

// Encodes into sign, `exponent_bits`, `mantissa_bits` (together 16 bits).
uint16_t narrow(double value, int exponent_bits, int mantissa_bits) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const uint32_t infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
  if (std::isnan(value)) return uint16_t(sign | infinity | (1u << (mantissa_bits - 1)));
  const double magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return uint16_t(sign | infinity);
  if (magnitude == 0) return sign;
  int exponent = std::ilogb(magnitude);
  if (exponent > bias) return uint16_t(sign | infinity);
  // Below the smallest normal number the step stays that of the smallest normal one.
  if (exponent < 1 - bias) exponent = 1 - bias;
  const auto steps = uint32_t(std::nearbyint(std::ldexp(magnitude, mantissa_bits - exponent)));
  // A carry out of the mantissa moves into the exponent by itself, up to infinity.
  const uint32_t one = 1u << mantissa_bits;
  const uint32_t code =
      steps < one ? steps : (uint32_t(exponent + bias) << mantissa_bits) + (steps - one);
  return uint16_t(sign | code);
}

using HalfTable = std::array<float, 65536>;

// Every f16 value; a table because ldexp for each weight of a model takes seconds.
const HalfTable& half_table() {
  static const std::unique_ptr<const HalfTable> table = [] {
    auto filled = std::make_unique<HalfTable>();
    for (uint32_t code = 0; code < 65536; ++code) {
      const int exponent = int(code >> 10) & 31;
      const int mantissa = int(code) & 1023;
      float value = 0;
      if (exponent == 31) {
        value = mantissa ? NAN : INFINITY;
      } else if (exponent == 0) {
        value = std::ldexp(float(mantissa), -24);
      } else {
        value = std::ldexp(float(1024 + mantissa), exponent - 25);
      }
      (*filled)[code] = (code & 0x8000) ? -value : value;
    }
    return filled;
  }();
  return *table;
}

}  // namespace

double to_double(Half value) { return half_table()[value.bits]; }
double to_double(BFloat value) { return std::bit_cast<float>(uint32_t(value.bits) << 16); }
Half to_half(double value) { return {narrow(value, 5, 10)}; }
BFloat to_bfloat(double value) { return {narrow(value, 8, 7)}; }

}  // namespace weft::ops
