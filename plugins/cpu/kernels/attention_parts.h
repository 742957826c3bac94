// What attention is put together from: turning keys into columns, widening halves, exponentials of
// numbers that are not positive.
//
// Included by kernel files only; like vec.h, everything has internal linkage.
#pragma once

#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

#if !defined(__F16C__)
// kLanes halves. The exponent moves by a product with 2^112, which makes subnormals right as well.
WEFT_INLINE f32n widen_part(const uint16_t* p) {
  typedef uint16_t halves __attribute__((vector_size(2 * kLanes)));
  halves h;
  memcpy(&h, p, sizeof h);
  const u32n bits = __builtin_convertvector(h, u32n), size = bits & 0x7fffu;
  const f32n finite = (f32n)(size << 13) * 0x1p112f;
  const u32n whole = size >= 0x7c00u ? (size << 13) | 0x7f800000u : (u32n)finite;
  return (f32n)(whole | (bits & 0x8000u) << 16);
}
#endif

// Sixteen halves as floats. Subnormals, infinities and NaN keep their values.
WEFT_INLINE vf load_half(const uint16_t* p) {
  vf r;
#if defined(__AVX512F__)
  r.part[0] = (f32n)_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__F16C__)
  WEFT_PARTS(i)
  r.part[i] = (f32n)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i));
#else
  WEFT_PARTS(i) r.part[i] = widen_part(p + i * kLanes);
#endif
  return r;
}

// to[0 .. n) = the n halves at `from`, of which no more are read.
WEFT_INLINE void widen(const uint16_t* from, float* to, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(to + i, load_half(from + i));
  if (i == n) return;
  uint16_t tail[16] = {};
  memcpy(tail, from + i, size_t(n - i) * sizeof(uint16_t));
  store_n(to + i, load_half(tail), n - i);
}

// Asks for rows of a cache one cache line at a time. Rows of one head lie a whole cache row apart,
// which is no pattern the processor's own prefetcher follows far, and asking for many at once
// stops the products that are to hide the wait.
struct Ahead {
  const char* at;
  int64_t row_bytes, step;  // of a head, and from one row to the next
  int64_t done;
};
WEFT_INLINE void ask(Ahead& a, int64_t lines) {
  for (int64_t i = 0; i < lines; i++) {
    __builtin_prefetch(a.at + a.done, 0, 2);
    a.done += 64;
    if (a.done >= a.row_bytes) a.at += a.step, a.done = 0;
  }
}

// e^x for x <= 0: 2^n 2^r with n the whole number next to x log2(e), and a polynomial of degree 5
// in r whose relative error is below 1.6e-7. Exactly 1 at 0, 0 below -87.33, NaN stays NaN.
WEFT_INLINE vf exp_below(vf x) {
#if defined(__AVX2__)
  const f32n log2e = 1.44269504f - f32n{};
  WEFT_PARTS(i) {
    const f32n v = x.part[i];
#if defined(__AVX512F__)
    const f32n n = (f32n)_mm512_roundscale_ps((__m512)(v * log2e), 0);
#else
    const f32n magic = 12582912.0f - f32n{};  // 1.5 * 2^23: adding it rounds to an integer
    const f32n shifted = fma_part(v, log2e, magic);
    const f32n n = shifted - magic;
#endif
    const f32n r = fma_part(v, log2e, -n);
    f32n p = 1.3264726e-3f - f32n{};
    p = fma_part(p, r, 9.6715130e-3f - f32n{});
    p = fma_part(p, r, 5.5507336e-2f - f32n{});
    p = fma_part(p, r, 2.4022242e-1f - f32n{});
    p = fma_part(p, r, 6.9314700e-1f - f32n{});
    p = fma_part(p, r, 1.0f - f32n{});
#if defined(__AVX512F__)
    const __mmask16 kept = _mm512_cmp_ps_mask((__m512)v, _mm512_set1_ps(-87.33f), _CMP_NLT_UQ);
    x.part[i] = (f32n)_mm512_maskz_scalef_ps(kept, (__m512)p, (__m512)n);
#else
    const i32n exponent = ((i32n)shifted - (i32n)magic) << 23;
    x.part[i] = v < -87.33f ? f32n{} : v == v ? (f32n)((i32n)p + exponent) : v;
#endif
  }
  return x;
#else
  return exp(x);
#endif
}

// The largest lane; which of them is compared with which does not matter to it.
WEFT_INLINE float highest_lane(vf v) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps((__m512)v.part[0]);
#else
  f32n m = v.part[0];
  for (int i = 1; i < kParts; i++) m = m > v.part[i] ? m : v.part[i];
  float r = m[0];
  for (int l = 1; l < kLanes; l++) r = r > m[l] ? r : m[l];
  return r;
#endif
}

// Four-element corners of kLanes rows: lane group g of the result is row 4 g of `p`.
WEFT_INLINE f32n corners(const float* p, int64_t row) {
#if defined(__AVX512F__)
  __m512 r = _mm512_castps128_ps512(_mm_loadu_ps(p));
  r = _mm512_insertf32x4(r, _mm_loadu_ps(p + 4 * row), 1);
  r = _mm512_insertf32x4(r, _mm_loadu_ps(p + 8 * row), 2);
  return (f32n)_mm512_insertf32x4(r, _mm_loadu_ps(p + 12 * row), 3);
#elif defined(__AVX2__)
  const __m256 r = _mm256_castps128_ps256(_mm_loadu_ps(p));
  return (f32n)_mm256_insertf128_ps(r, _mm_loadu_ps(p + 4 * row), 1);
#else
  (void)row;
  return *reinterpret_cast<const f32n_unaligned*>(p);
#endif
}

// The same of halves.
WEFT_INLINE f32n corners(const uint16_t* p, int64_t row) {
#if defined(__AVX512F__)
  const auto pair = [](const uint16_t* a, const uint16_t* b) __attribute__((always_inline)) {
    return _mm_castps_si128(
        _mm_loadh_pi(_mm_castsi128_ps(_mm_loadu_si64(a)), reinterpret_cast<const __m64*>(b)));
  };
  return (f32n)_mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(pair(p, p + 4 * row)),
                                                       pair(p + 8 * row, p + 12 * row), 1));
#elif defined(__F16C__)
  return (f32n)_mm256_cvtph_ps(_mm_castps_si128(_mm_loadh_pi(
      _mm_castsi128_ps(_mm_loadu_si64(p)), reinterpret_cast<const __m64*>(p + 4 * row))));
#else
  (void)row;
  return widen_part(p);
#endif
}

// Pairs within every group of four lanes: of elements, and of pairs of elements.
#if defined(__AVX512F__)
#define WEFT_UNPACK(part, width, a, b) \
  (f32n) _mm512_unpack##part##_p##width((__m512##width##_t)(a), (__m512##width##_t)(b))
typedef __m512 __m512s_t;
typedef __m512d __m512d_t;
#elif defined(__AVX2__)
#define WEFT_UNPACK(part, width, a, b) \
  (f32n) _mm256_unpack##part##_p##width((__m256##width##_t)(a), (__m256##width##_t)(b))
typedef __m256 __m256s_t;
typedef __m256d __m256d_t;
#endif
struct Columns {
  f32n column[4];
};
// Four elements of kLanes rows, as four columns.
template <typename T>
WEFT_INLINE Columns columns_of(const T* p, int64_t row) {
  const f32n a = corners(p, row), b = corners(p + row, row);
  const f32n c = corners(p + 2 * row, row), d = corners(p + 3 * row, row);
#if defined(__AVX2__)
  const f32n ab_low = WEFT_UNPACK(lo, s, a, b), ab_high = WEFT_UNPACK(hi, s, a, b);
  const f32n cd_low = WEFT_UNPACK(lo, s, c, d), cd_high = WEFT_UNPACK(hi, s, c, d);
  return {{WEFT_UNPACK(lo, d, ab_low, cd_low), WEFT_UNPACK(hi, d, ab_low, cd_low),
           WEFT_UNPACK(lo, d, ab_high, cd_high), WEFT_UNPACK(hi, d, ab_high, cd_high)}};
#else
  const f32n ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const f32n ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const f32n cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const f32n cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  return {{__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
           __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
           __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
           __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)}};
#endif
}

// to[i * to_row + j] = rows[j * row + i] for 16 rows j of d elements each.
static void transpose16(const float* rows, int64_t row, int64_t d, float* to, int64_t to_row) {
  for (int part = 0; part < kParts; part++) {
    const float* p = rows + part * kLanes * row;
    float* column = to + part * kLanes;
    int64_t i = 0;
    for (; i + 4 <= d; i += 4) {
      const Columns c = columns_of(p + i, row);
#pragma GCC unroll 4
      for (int n = 0; n < 4; n++)
        *reinterpret_cast<f32n_unaligned*>(column + (i + n) * to_row) = c.column[n];
    }
    for (; i < d; i++)
      for (int64_t j = 0; j < kLanes; j++) column[i * to_row + j] = p[j * row + i];
  }
}

}  // namespace weft::cpu::WEFT_ISA
