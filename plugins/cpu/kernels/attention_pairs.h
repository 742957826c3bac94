// Numbers as pairs of bfloat16, two to a lane, as its dot products take them; keys and values of a
// block in this form.
//
// Included by kernel files for AVX-512 with dot products of bfloat16 only; like vec.h, everything
// has internal linkage.
#pragma once

#include "plugins/cpu/kernels/attention_span.h"
#include "plugins/cpu/kernels/pairs.h"
#include "quant/code_rows.h"

namespace weft::cpu::WEFT_ISA {

namespace {

WEFT_INLINE __m512i load_words(const uint32_t* p) { return _mm512_loadu_si512(p); }
WEFT_INLINE __m512 load_floats(const float* p) { return _mm512_loadu_ps(p); }
// 2^x: a polynomial of degree 3 in x - floor(x), with a relative error below 8e-5, a 25th of what
// rounding to bfloat16 adds. 0 of minus infinity; NaN stays NaN.
WEFT_INLINE __m512 exp2_rough(__m512 x) {
  const __m512 r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.07802453f), r, _mm512_set1_ps(0.22606717f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.69583350f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.99992520f));
  return _mm512_scalef_ps(p, x);
}

WEFT_INLINE __m512 load_some(const float* p, __mmask16 which) {
  return _mm512_maskz_loadu_ps(which, p);
}
WEFT_INLINE __m512 load_some(const uint16_t* p, __mmask16 which) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(which, p));
}
// Element i of a row of codes; sixteen from a multiple of sixteen have one scale.
struct CodeElements {
  const char *codes, *scales;
  int64_t i;
};
WEFT_INLINE CodeElements operator+(CodeElements p, int64_t n) {
  return {p.codes, p.scales, p.i + n};
}
WEFT_INLINE __m512 load_some(CodeElements p, __mmask16 which) {
  if (!which) return _mm512_setzero_ps();  // there may be no such row, nor its scale
  uint16_t scale;
  memcpy(&scale, p.scales + p.i / quant::kCodeBlock * 2, sizeof scale);
  const __m128i codes = _mm_maskz_loadu_epi8(which, p.codes + p.i);
  return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes)),
                       _mm512_set1_ps(_cvtsh_ss(scale)));
}

// The row `step` after; steps are of elements, or of bytes for rows of codes.
template <typename T>
WEFT_INLINE const T* row_after(const T* row, int64_t step) {
  return row + step;
}
WEFT_INLINE CodeElements row_after(CodeElements row, int64_t step) {
  return {row.codes + step, row.scales + step, 0};
}
// Calls use(row) with row 0 of n elements, in the type that a cache has, `offset` steps from x.
template <typename Use>
WEFT_INLINE void with_rows(const void* x, uint32_t is_half, uint32_t is_codes, int64_t offset,
                           int64_t n, Use&& use) {
  if (is_codes) {
    const char* row = static_cast<const char*>(x) + offset;
    use(CodeElements{row, row + quant::code_bytes(n), 0});
  } else if (is_half) {
    use(static_cast<const uint16_t*>(x) + offset);
  } else {
    use(static_cast<const float*>(x) + offset);
  }
}

constexpr __mmask16 kAll = 0xffff;
// The first n of 16 lanes, all where there are more.
WEFT_INLINE __mmask16 leading(int64_t n) { return n < 16 ? __mmask16((1u << n) - 1) : kAll; }

// to[0 .. d16 / 2) = a row of d elements times `scale` in pairs, zeros past it.
template <typename T>
WEFT_INLINE void load_row(T row, int64_t d, float scale, uint32_t* to) {
  const auto take = [&](int64_t i, __mmask16 which) __attribute__((always_inline)) {
    const __m512 x = _mm512_mul_ps(load_some(row + i, which), _mm512_set1_ps(scale));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i / 2), (__m256i)_mm512_cvtneps_pbh(x));
  };
  int64_t i = 0;
  for (; i + 16 <= d; i += 16) take(i, kAll);
  if (i < d) take(i, leading(d - i));
}

// The block's keys [from, to) of those that begin at `key`; the others are zeros.
template <typename T>
WEFT_INLINE void load_keys(const AttentionUnit& u, T key, int64_t from, int64_t to, uint32_t* k) {
  const int64_t d2 = round16(u.d) / 2;
  for (int64_t j = 0; j < kKeyBlock; j++, k += d2) {
    if (j >= from && j < to) {
      load_row(row_after(key, j * u.k_row), u.d, 1, k);
    } else {
      memset(k, 0, size_t(d2) * sizeof *k);
    }
  }
}

// The same of values.
template <typename T>
WEFT_INLINE void load_values(const AttentionUnit& u, T value, int64_t from, int64_t to,
                             uint32_t* v) {
  const int64_t dv16 = round16(u.dv);
  for (int64_t j = 0; j < kKeyBlock; j += 2, v += dv16) {
    const T even = row_after(value, j * u.v_row), odd = row_after(even, u.v_row);
    const auto take = [&](int64_t i, __mmask16 low, __mmask16 high) __attribute__((always_inline)) {
      const __m512i both = pack(load_some(even + i, low), load_some(odd + i, high));
      _mm512_storeu_si512(v + i, interleave(both));
    };
    const bool has_even = j >= from && j < to, has_odd = j + 1 >= from && j + 1 < to;
    int64_t i = 0;
    if (has_even && has_odd)
      for (; i + 16 <= u.dv; i += 16) take(i, kAll, kAll);
    for (; i < u.dv; i += 16)
      take(i, has_even ? leading(u.dv - i) : 0, has_odd ? leading(u.dv - i) : 0);
  }
}

}  // namespace

}  // namespace weft::cpu::WEFT_ISA
