// Sixteen floats, whatever the instruction set: one 512-bit register, two of 256 bits or four of
// 128.
//
// Kernel files are compiled once per instruction set into namespace weft::cpu::WEFT_ISA. Everything
// here has internal linkage, so that no copy of it compiled for AVX-512 can be linked into code
// meant for an older processor. Only C headers may be included beside this one.
//
// Results: fma() is one rounding where the instruction set has it and two where it has not (base),
// so instruction sets differ in the last bits; within one, every kernel performs the same
// operations.
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define WEFT_INLINE static inline __attribute__((always_inline, unused))

namespace weft::cpu::WEFT_ISA {

#if defined(__AVX512F__)
constexpr int kParts = 1;
#elif defined(__AVX2__)
constexpr int kParts = 2;
#else
constexpr int kParts = 4;
#endif
constexpr int kLanes = 16 / kParts;

typedef float f32n __attribute__((vector_size(4 * kLanes)));
typedef int32_t i32n __attribute__((vector_size(4 * kLanes)));
typedef uint32_t u32n __attribute__((vector_size(4 * kLanes)));
typedef f32n f32n_unaligned __attribute__((aligned(4), may_alias));
typedef u32n u32n_unaligned __attribute__((aligned(4), may_alias));

struct vf {
  f32n part[kParts];
};
struct vu {
  u32n part[kParts];
};
struct vi {
  i32n part[kParts];
};

#define WEFT_PARTS(i) _Pragma("GCC unroll 4") for (int i = 0; i < kParts; i++)

WEFT_INLINE vf set1(float x) {
  vf r;
  WEFT_PARTS(i) r.part[i] = x - f32n{};
  return r;
}
WEFT_INLINE vf zero() {
  vf r;
  WEFT_PARTS(i) r.part[i] = f32n{};
  return r;
}
WEFT_INLINE vf load(const float* p) {
  vf r;
  WEFT_PARTS(i) r.part[i] = *reinterpret_cast<const f32n_unaligned*>(p + i * kLanes);
  return r;
}
WEFT_INLINE void store(float* p, vf v) {
  WEFT_PARTS(i) * reinterpret_cast<f32n_unaligned*>(p + i * kLanes) = v.part[i];
}
// The first n lanes; the others are `fill`. Rare: kept out of line.
__attribute__((noinline, unused)) static vf load_n(const float* p, int64_t n, float fill) {
  float t[16];
  for (int i = 0; i < 16; i++) t[i] = i < n ? p[i] : fill;
  return load(t);
}
// The first `count` lanes, which may be none or more than there are; zeros after them.
WEFT_INLINE vf load_leading(const float* p, int64_t count) {
  return count >= 16 ? load(p) : count > 0 ? load_n(p, count, 0) : zero();
}
__attribute__((noinline, unused)) static void store_n(float* p, vf v, int64_t n) {
  float t[16];
  store(t, v);
  memcpy(p, t, size_t(n) * sizeof(float));
}
WEFT_INLINE vu load_u32(const char* p) {
  vu r;
  WEFT_PARTS(i) r.part[i] = *reinterpret_cast<const u32n_unaligned*>(p + i * 4 * kLanes);
  return r;
}

WEFT_INLINE vf operator+(vf a, vf b) {
  WEFT_PARTS(i) a.part[i] += b.part[i];
  return a;
}
WEFT_INLINE vf operator-(vf a, vf b) {
  WEFT_PARTS(i) a.part[i] -= b.part[i];
  return a;
}
WEFT_INLINE vf operator*(vf a, vf b) {
  WEFT_PARTS(i) a.part[i] *= b.part[i];
  return a;
}
WEFT_INLINE vf operator/(vf a, vf b) {
  WEFT_PARTS(i) a.part[i] /= b.part[i];
  return a;
}

WEFT_INLINE f32n fma_part(f32n a, f32n b, f32n c) {
#if defined(__AVX512F__)
  return (f32n)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (f32n)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
// a * b + c
WEFT_INLINE vf fma(vf a, vf b, vf c) {
  WEFT_PARTS(i) c.part[i] = fma_part(a.part[i], b.part[i], c.part[i]);
  return c;
}
// The same for one element, rounded the same way.
WEFT_INLINE float fma1(float a, float b, float c) {
#if defined(__FMA__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
// b where a is NaN, as maxps does.
WEFT_INLINE vf max(vf a, vf b) {
  WEFT_PARTS(i) a.part[i] = a.part[i] > b.part[i] ? a.part[i] : b.part[i];
  return a;
}
WEFT_INLINE vf min(vf a, vf b) {
  WEFT_PARTS(i) a.part[i] = a.part[i] < b.part[i] ? a.part[i] : b.part[i];
  return a;
}
WEFT_INLINE vf abs(vf a) {
  WEFT_PARTS(i) a.part[i] = (f32n)((i32n)a.part[i] & 0x7fffffff);
  return a;
}
WEFT_INLINE vf sqrt(vf a) {
#if defined(__AVX512F__)
  a.part[0] = (f32n)_mm512_sqrt_ps((__m512)a.part[0]);
#else
  WEFT_PARTS(i) for (int l = 0; l < kLanes; l++) a.part[i][l] = __builtin_sqrtf(a.part[i][l]);
#endif
  return a;
}

// Lane sums and maxima, always in the same tree: halves, then halves of halves.
typedef float f4 __attribute__((vector_size(16)));
WEFT_INLINE f4 quarter(vf v, int i) {
  f4 r;
  memcpy(&r, reinterpret_cast<const char*>(&v) + 16 * i, sizeof r);
  return r;
}
WEFT_INLINE float sum(vf v) {
  f4 a = (quarter(v, 0) + quarter(v, 2)) + (quarter(v, 1) + quarter(v, 3));
  a += __builtin_shufflevector(a, a, 2, 3, 2, 3);
  return a[0] + a[1];
}
WEFT_INLINE f4 greater(f4 a, f4 b) { return a > b ? a : b; }
WEFT_INLINE float maximum(vf v) {
  f4 a = greater(greater(quarter(v, 0), quarter(v, 2)), greater(quarter(v, 1), quarter(v, 3)));
  a = greater(a, __builtin_shufflevector(a, a, 2, 3, 2, 3));
  return a[0] > a[1] ? a[0] : a[1];
}

// Sixteen halves as floats.
WEFT_INLINE vf halves_to_floats(const char* p) {
  vf r;
#if defined(__AVX512F__)
  r.part[0] = (f32n)_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__F16C__)
  WEFT_PARTS(i)
  r.part[i] = (f32n)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i * 16)));
#else
  // Exponent and mantissa moved to their places and scaled by 2^112; finite halves only.
  uint16_t bits[16];
  memcpy(bits, p, sizeof bits);
  for (int l = 0; l < 16; l++) {
    const uint32_t magnitude = uint32_t(bits[l] & 0x7fff) << 13;
    float value;
    memcpy(&value, &magnitude, sizeof value);
    value *= 0x1p112f;
    r.part[l / kLanes][l % kLanes] = bits[l] & 0x8000 ? -value : value;
  }
#endif
  return r;
}
// Integers of -128 .. 127, as bytes.
WEFT_INLINE void store_codes(int8_t* p, vf v) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm512_cvtepi32_epi8(_mm512_cvtps_epi32((__m512)v.part[0])));
#else
  float values[16];
  store(values, v);
  for (int l = 0; l < 16; l++) p[l] = int8_t(values[l]);
#endif
}
WEFT_INLINE vf to_floats(vi v) {
  vf r;
  WEFT_PARTS(i) r.part[i] = __builtin_convertvector(v.part[i], f32n);
  return r;
}
WEFT_INLINE vi set1_i32(int32_t x) {
  vi r;
  WEFT_PARTS(i) r.part[i] = x - i32n{};
  return r;
}
WEFT_INLINE vu low_nibbles(vu codes) {
  WEFT_PARTS(i) codes.part[i] &= 0x0f0f0f0fu;
  return codes;
}
WEFT_INLINE vu high_nibbles(vu codes) {
  WEFT_PARTS(i) codes.part[i] = codes.part[i] >> 4 & 0x0f0f0f0fu;
  return codes;
}

// acc + the dot product of each lane's four bytes of `codes`, 0..255 (0..15 when small), and the
// four signed bytes of x. Exact.
template <bool small>
WEFT_INLINE vi dot4(vi acc, vu codes, int32_t x) {
#if defined(__AVX512VNNI__)
  acc.part[0] =
      (i32n)_mm512_dpbusd_epi32((__m512i)acc.part[0], (__m512i)codes.part[0], _mm512_set1_epi32(x));
#elif defined(__AVX512BW__)
  const __m512i w = (__m512i)codes.part[0], v = _mm512_set1_epi32(x);
  if constexpr (small) {
    const __m512i pairs = _mm512_maddubs_epi16(w, v);
    acc.part[0] += (i32n)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
  } else {  // pairs of products of large codes do not fit 16 bits
    const __m512i even = _mm512_and_si512(w, _mm512_set1_epi16(255));
    const __m512i odd = _mm512_srli_epi16(w, 8);
    const __m512i x_even = _mm512_srai_epi16(_mm512_slli_epi16(v, 8), 8);
    acc.part[0] += (i32n)_mm512_madd_epi16(even, x_even);
    acc.part[0] += (i32n)_mm512_madd_epi16(odd, _mm512_srai_epi16(v, 8));
  }
#elif defined(__AVXVNNI__)
  WEFT_PARTS(i)
  acc.part[i] = (i32n)_mm256_dpbusd_avx_epi32((__m256i)acc.part[i], (__m256i)codes.part[i],
                                              _mm256_set1_epi32(x));
#elif defined(__AVX2__)
  const __m256i v = _mm256_set1_epi32(x);
  WEFT_PARTS(i) {
    const __m256i w = (__m256i)codes.part[i];
    if constexpr (small) {
      const __m256i pairs = _mm256_maddubs_epi16(w, v);
      acc.part[i] += (i32n)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    } else {
      const __m256i even = _mm256_and_si256(w, _mm256_set1_epi16(255));
      const __m256i odd = _mm256_srli_epi16(w, 8);
      const __m256i x_even = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
      acc.part[i] += (i32n)_mm256_madd_epi16(even, x_even);
      acc.part[i] += (i32n)_mm256_madd_epi16(odd, _mm256_srai_epi16(v, 8));
    }
  }
#elif defined(__SSE2__)
  const __m128i v = _mm_set1_epi32(x);
  const __m128i x_even = _mm_srai_epi16(_mm_slli_epi16(v, 8), 8), x_odd = _mm_srai_epi16(v, 8);
  WEFT_PARTS(i) {
    const __m128i w = (__m128i)codes.part[i];
    acc.part[i] += (i32n)_mm_madd_epi16(_mm_and_si128(w, _mm_set1_epi16(255)), x_even);
    acc.part[i] += (i32n)_mm_madd_epi16(_mm_srli_epi16(w, 8), x_odd);
  }
#else
  WEFT_PARTS(i)
  for (int l = 0; l < kLanes; l++)
    for (int b = 0; b < 4; b++)
      acc.part[i][l] += int32_t(codes.part[i][l] >> (8 * b) & 255) * int8_t(uint32_t(x) >> (8 * b));
#endif
  return acc;
}
// Byte j of each lane as a float.
template <int j>
WEFT_INLINE vf byte_to_float(vu codes) {
  vf r;
  WEFT_PARTS(i)
  r.part[i] = __builtin_convertvector((i32n)((codes.part[i] >> (8 * j)) & 255u), f32n);
  return r;
}
// Nibble j of each lane as a float.
template <int j>
WEFT_INLINE vf nibble_to_float(vu codes) {
  vf r;
#if defined(__AVX512F__)
  // vpermps looks at the low four bits of each index alone: shift and look up.
  const __m512 table = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  r.part[0] = (f32n)_mm512_permutexvar_ps((__m512i)(codes.part[0] >> (4 * j)), table);
#else
  WEFT_PARTS(i)
  r.part[i] = __builtin_convertvector((i32n)((codes.part[i] >> (4 * j)) & 15u), f32n);
#endif
  return r;
}

// e^x: x = n ln2 + r with |r| <= ln2 / 2, and a polynomial of degree 6 in r. Relative error below
// 2e-7 for -87.3 <= x <= 88.3; 0 below, infinity above; NaN stays NaN.
// The split of ln2 is Cody and Waite's, "Software Manual for the Elementary Functions", 1980.
WEFT_INLINE f32n exp_part(f32n x) {
  const f32n magic = 12582912.0f - f32n{};  // 1.5 * 2^23: adding it rounds to an integer
  f32n clamped = x < -87.33f ? -87.33f - f32n{} : x;
  clamped = clamped > 88.37f ? 88.37f - f32n{} : clamped;
  const f32n shifted = fma_part(clamped, 1.44269504f - f32n{}, magic);
  const f32n n = shifted - magic;
  f32n r = fma_part(n, -0.693359375f - f32n{}, clamped);
  r = fma_part(n, 2.12194440e-4f - f32n{}, r);
  f32n p = 1.9875691500e-4f - f32n{};
  p = fma_part(p, r, 1.3981999507e-3f - f32n{});
  p = fma_part(p, r, 8.3334519073e-3f - f32n{});
  p = fma_part(p, r, 4.1665795894e-2f - f32n{});
  p = fma_part(p, r, 1.6666665459e-1f - f32n{});
  p = fma_part(p, r, 5.0000001201e-1f - f32n{});
  p = fma_part(p, r * r, r) + 1.0f;
  const i32n exponent = ((i32n)shifted - (i32n)magic) << 23;
  f32n y = (f32n)((i32n)p + exponent);
  y = x < -87.33f ? f32n{} : y;
  y = x > 88.72f ? __builtin_inff() - f32n{} : y;
  return x == x ? y : x;
}
WEFT_INLINE vf exp(vf x) {
  WEFT_PARTS(i) x.part[i] = exp_part(x.part[i]);
  return x;
}
WEFT_INLINE vf sigmoid(vf x) { return set1(1) / (set1(1) + exp(zero() - x)); }

}  // namespace weft::cpu::WEFT_ISA
