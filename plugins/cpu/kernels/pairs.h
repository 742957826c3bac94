// Pairs of bfloat16, two to a lane, as its dot products take them. For kernel files of instruction
// sets that have AVX512-BF16 only.
#pragma once

#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

WEFT_INLINE __m512i pack(__m512 low, __m512 high) {
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}
WEFT_INLINE __m512 dot2(__m512 acc, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
}
// Pairs (low, high) of each lane, from the lanes of `low` and then those of `high`.
WEFT_INLINE __m512i interleave(__m512i lanes) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, lanes);
}

}  // namespace weft::cpu::WEFT_ISA
