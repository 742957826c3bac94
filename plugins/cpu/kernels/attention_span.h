// Which keys the rows of a unit see, and small things that every form of attention needs.
//
// Included by kernel files only; like vec.h, everything has internal linkage.
#pragma once

#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

namespace {

constexpr float kMinusInfinity = -__builtin_inff();

WEFT_INLINE int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

struct Span {
  int64_t low, high;
};
// Keys that row r of the unit sees.
WEFT_INLINE Span span_of(const AttentionUnit& u, int64_t r) {
  const int64_t p = u.position + r;
  int64_t low = p - u.left, high = p + u.right + 1;
  if (low < 0) low = 0;
  if (high > u.keys) high = u.keys;
  return {low, high};
}
// Keys between the first and the last that any row sees.
WEFT_INLINE Span span_of(const AttentionUnit& u) {
  const Span first = span_of(u, 0), last = span_of(u, u.rows - 1);
  return {first.low, last.high};
}

WEFT_INLINE const char* row_of(const void* x, uint32_t is_half, int64_t row, int64_t stride) {
  return static_cast<const char*>(x) + row * stride * (is_half ? 2 : 4);
}

}  // namespace

}  // namespace weft::cpu::WEFT_ISA
