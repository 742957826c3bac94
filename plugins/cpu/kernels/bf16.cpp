// Products of bfloat16 with AVX512-BF16: a register tile of 12 rows and two tiles of columns.
#include "plugins/cpu/kernels/rounded.h"

namespace weft::cpu::WEFT_ISA {

namespace {

constexpr int64_t kRows = 12;

WEFT_INLINE __m512bh broadcast_pair(const uint16_t* p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return (__m512bh)_mm512_set1_epi32(pair);
}

template <int R>
void dots(const uint16_t* x, int64_t k32, const uint16_t* const (&w)[2], float* sums) {
  __m512 acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < k32; k += 2) {
    const __m512bh first = (__m512bh)_mm512_loadu_si512(w[0] + k * 16);
    const __m512bh second = (__m512bh)_mm512_loadu_si512(w[1] + k * 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const __m512bh value = broadcast_pair(x + r * k32 + k);
      acc[r][0] = _mm512_dpbf16_ps(acc[r][0], first, value);
      acc[r][1] = _mm512_dpbf16_ps(acc[r][1], second, value);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int t = 0; t < 2; t++) _mm512_storeu_ps(sums + (t * kRows + r) * 16, acc[r][t]);
}

void some_dots(const uint16_t* x, int64_t count, int64_t k32, const uint16_t* const (&w)[2],
               float* sums) {
  if (count == kRows) return dots<kRows>(x, k32, w, sums);
  for (; count >= 4; count -= 4, x += 4 * k32, sums += 4 * 16) dots<4>(x, k32, w, sums);
  for (; count > 0; count--, x += k32, sums += 16) dots<1>(x, k32, w, sums);
}

void rounded_product(const Product& p, int64_t begin, int64_t end, char* panel) {
  rounded_product_of<kRows>(p, begin, end, panel, some_dots);
}

}  // namespace

void install_bf16(Kernels& table) {
  table.round_row = [](const float* x, int64_t k, uint16_t* to) { round_row_to(x, k, to); };
  table.rounded_product = rounded_product;
}

}  // namespace weft::cpu::WEFT_ISA
