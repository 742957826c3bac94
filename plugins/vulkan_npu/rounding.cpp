// Tables for rounding and for functions of a code; see rounding.h.
#include "plugins/vulkan_npu/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace weft::vulkan_npu {

namespace {

// Floats in order, as integers: that of the least real whose code is at least c is found by
// halving.
float real_of(int32_t rank) {
  return std::bit_cast<float>(rank >= 0 ? rank : int32_t(0x80000000u - uint32_t(rank)));
}
int32_t rank_of(float v) {
  const int32_t bits = std::bit_cast<int32_t>(v);
  return bits >= 0 ? bits : int32_t(0x80000000u - uint32_t(bits));
}

}  // namespace

int32_t code_of(float v, const Codes& codes) {
  const float quotient = v / codes.scale;
  const double whole = std::isnan(quotient) ? 0 : std::nearbyint(quotient);
  return int32_t(std::clamp(whole + codes.zero, -128.0, 127.0));
}

Limits257 least_reals(const Codes& codes) {
  constexpr float kMost = std::numeric_limits<float>::infinity();
  Limits257 out;
  out.front() = -kMost;
  out.back() = kMost;
  int64_t below = rank_of(-kMost);  // has a lesser code
  for (int32_t c = -127; c <= 127; c++) {
    int64_t reaches = rank_of(kMost);
    int64_t low = below;
    if (code_of(real_of(int32_t(low)), codes) >= c) reaches = low;
    while (reaches - low > 1) {
      const int64_t middle = low + (reaches - low) / 2;
      (code_of(real_of(int32_t(middle)), codes) >= c ? reaches : low) = middle;
    }
    out[size_t(c + 128)] = real_of(int32_t(reaches));
    below = low;
  }
  return out;
}

std::array<int8_t, 256> lookup_table(const Function& function, const Codes& x, const Codes& y) {
  std::array<int8_t, 256> out;
  for (int32_t code = -128; code <= 127; code++) {
    const float real = float(code - x.zero) * x.scale;
    out[size_t(code + 128)] = int8_t(code_of(float(function(double(real))), y));
  }
  return out;
}

}  // namespace weft::vulkan_npu
