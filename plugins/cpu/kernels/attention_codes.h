// Keys and values that are rows of codes (quant/code_rows.h).
//
// A key is multiplied as it is: queries become codes as well, twice, the second time what the first
// leaves, so that they keep 15 bits. Sums over a block of 32 are integer dot products, exact, and
//
//   acc = fma(fma(float(dot 1), scale 1, float(dot 0) * scale 0), scale of the key, acc)
//
// for the blocks in order, whatever the number of queries. A value is widened where it is used:
// code * scale is exact, so few queries and many add up the same floats.
//
// Included by kernel files only; like vec.h, everything has internal linkage.
#pragma once

#include "plugins/cpu/kernels/attention_parts.h"
#include "plugins/cpu/kernels/kernels.h"
#include "quant/code_rows.h"

namespace weft::cpu::WEFT_ISA {

using quant::code_blocks;
using quant::code_bytes;
using quant::kCodeBlock;

// Sixteen codes as floats.
WEFT_INLINE vf load_codes(const char* p) {
  vf r;
#if defined(__AVX512F__)
  r.part[0] = (f32n)_mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  typedef int8_t bytes __attribute__((vector_size(kLanes)));
  WEFT_PARTS(i) {
    bytes b;
    memcpy(&b, p + i * kLanes, sizeof b);
    r.part[i] = __builtin_convertvector(__builtin_convertvector(b, i32n), f32n);
  }
#endif
  return r;
}

// One half for all lanes.
WEFT_INLINE vf set1_half(const char* p) {
  uint16_t half;
  memcpy(&half, p, sizeof half);
#if defined(__AVX512F__)
  vf r;
  r.part[0] = (f32n)_mm512_cvtph_ps(_mm256_set1_epi16(short(half)));
  return r;
#elif defined(__F16C__)
  return set1(_cvtsh_ss(half));
#else
  uint16_t all[16];
  for (uint16_t& h : all) h = half;
  return load_half(all);
#endif
}

// to[0 .. n) = the reals of a row.
WEFT_INLINE void widen_codes(const char* row, float* to, int64_t n) {
  const char* scales = row + code_bytes(n);
  for (int64_t i = 0; i < n; i += 16) {
    const vf scale = set1_half(scales + i / kCodeBlock * 2);
    if (i + 16 <= n) {
      store(to + i, load_codes(row + i) * scale);
    } else {
      char tail[16] = {};
      memcpy(tail, row + i, size_t(n - i));
      store_n(to + i, load_codes(tail) * scale, n - i);
    }
  }
}

// 32 elements of a query.
struct QueryBlock {
  int8_t codes[2][kCodeBlock];  // and of what they leave
  float scale[2];
  int32_t start[2];  // -128 times the sum of the codes: keys' codes are multiplied with 128 added
};
static_assert(sizeof(QueryBlock) == kQueryBlockFloats * sizeof(float));

// A NaN or an infinity makes the scale a NaN, and so every score of the query.
WEFT_INLINE void encode_query(const float* x, int64_t count, QueryBlock* to) {
  const vf magic = set1(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, halves to even
  vf left[2];
  for (int i = 0; i < 2; i++) {
    const int64_t some = count - 16 * i;
    left[i] = some >= 16 ? load(x + 16 * i) : some > 0 ? load_n(x + 16 * i, some, 0) : zero();
  }
  for (int term = 0; term < 2; term++) {
    const float highest = maximum(max(abs(left[0]), abs(left[1])));
    const vf inverse = set1(highest > 0x1p-120f ? 127.0f / highest : 0.0f);
    vf codes[2];
    for (int i = 0; i < 2; i++) codes[i] = left[i] * inverse + magic - magic;
    const float total = sum(codes[0] + codes[1]);
    const bool finite = total - total == 0;
    const vf scale = set1(finite ? highest / 127.0f : __builtin_nanf(""));
    for (int i = 0; i < 2; i++) {
      store_codes(to->codes[term] + 16 * i, finite ? codes[i] : zero());
      left[i] = left[i] - codes[i] * scale;
    }
    to->scale[term] = scale.part[0][0];
    to->start[term] = finite ? -128 * int32_t(total) : 0;
  }
}

// Keys of a block, side by side: word w of key j at words[w * kKeyBlock + j], where a word is four
// codes with 128 added; the scales likewise.
struct KeyWords {
  uint32_t* words;
  float* scales;
};

// Sixteen rows into columns [j, j + 16).
WEFT_INLINE void lay_keys(const char* rows, int64_t step, int64_t d, int64_t j,
                          const KeyWords& to) {
  const int64_t words = code_bytes(d) / 4, row = step / 4;
  for (int part = 0; part < kParts; part++) {
    const char* p = rows + part * kLanes * step;
    uint32_t* column = to.words + j + part * kLanes;
    int64_t w = 0;
    for (; w + 4 <= words; w += 4) {
      const Columns c = columns_of(reinterpret_cast<const float*>(p) + w, row);
#pragma GCC unroll 4
      for (int n = 0; n < 4; n++)
        *reinterpret_cast<u32n_unaligned*>(column + (w + n) * kKeyBlock) =
            (u32n)c.column[n] ^ 0x80808080u;
    }
    for (; w < words; w++)
      for (int64_t l = 0; l < kLanes; l++) {
        uint32_t word;
        memcpy(&word, p + l * step + 4 * w, sizeof word);
        column[w * kKeyBlock + l] = word ^ 0x80808080u;
      }
  }
  for (int64_t block = 0; block < code_blocks(d); block++) {
    uint16_t halves[16];
    for (int64_t l = 0; l < 16; l++)
      memcpy(halves + l, rows + l * step + code_bytes(d) + 2 * block, sizeof halves[l]);
    store(to.scales + block * kKeyBlock + j, load_half(halves));
  }
}

// s[r][0 .. P * 16) for R queries; `blocks` from one query's blocks to the next.
template <int R, int P>
WEFT_INLINE void score_words(const QueryBlock* q, int64_t blocks, const KeyWords& keys, int64_t d,
                             float* s) {
  vf acc[R][P];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) acc[r][p] = zero();
  const uint32_t* words = keys.words;
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t left = code_bytes(d) - b * kCodeBlock;
    const int64_t count = (left < kCodeBlock ? left : kCodeBlock) / 4;
    vi dot[R][P][2];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int t = 0; t < 2; t++) dot[r][p][t] = set1_i32(q[r * blocks + b].start[t]);
    for (int64_t w = 0; w < count; w++) {
      vu k[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; p++) k[p] = load_u32(reinterpret_cast<const char*>(words + 16 * p));
#pragma GCC unroll 4
      for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int t = 0; t < 2; t++) {
          int32_t x;
          memcpy(&x, q[r * blocks + b].codes[t] + 4 * w, sizeof x);
#pragma GCC unroll 4
          for (int p = 0; p < P; p++) dot[r][p][t] = dot4<false>(dot[r][p][t], k[p], x);
        }
      words += kKeyBlock;
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) {
      const vf scale = load(keys.scales + b * kKeyBlock + 16 * p);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        const QueryBlock& of = q[r * blocks + b];
        const vf first = to_floats(dot[r][p][0]) * set1(of.scale[0]);
        const vf both = fma(to_floats(dot[r][p][1]), set1(of.scale[1]), first);
        acc[r][p] = fma(both, scale, acc[r][p]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) store(s + r * kKeyBlock + 16 * p, acc[r][p]);
}

template <int R>
void score_rows(const QueryBlock* q, int64_t blocks, const KeyWords& keys, int64_t d, int64_t count,
                float* s) {
  int64_t j = 0;
  for (; j + 32 <= count; j += 32)
    score_words<R, 2>(q, blocks, {keys.words + j, keys.scales + j}, d, s + j);
  if (j < count) score_words<R, 1>(q, blocks, {keys.words + j, keys.scales + j}, d, s + j);
}

// O = p V for R queries and four tiles of 16 columns at a time; dv is a multiple of 16.
template <int R>
void sum_code_rows(const float* p, const char* v, int64_t v_row, int64_t keys, int64_t dv, float* o,
                   int64_t head_floats) {
  for (int64_t column = 0; column < dv; column += 64) {
    const int tiles = dv - column < 64 ? int((dv - column) / 16) : 4;
    vf acc[R][4];
    for (int r = 0; r < R; r++)
      for (int t = 0; t < 4; t++) acc[r][t] = zero();
    for (int64_t j = 0; j < keys; j++) {
      const char* row = v + j * v_row + column;
      const char* scales = v + j * v_row + code_bytes(dv) + column / kCodeBlock * 2;
      __builtin_prefetch(row + kKeyBlock * v_row, 0, 2);
      __builtin_prefetch(row + kKeyBlock * v_row + 64, 0, 2);
      vf w[4];
#pragma GCC unroll 2
      for (int half = 0; half < 2; half++) {
        const vf scale = 2 * half < tiles ? set1_half(scales + 2 * half) : zero();
#pragma GCC unroll 2
        for (int i = 2 * half; i < 2 * half + 2; i++)
          w[i] = i < tiles ? load_codes(row + i * 16) * scale : zero();
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        const vf x = set1(p[r * kKeyBlock + j]);
#pragma GCC unroll 4
        for (int t = 0; t < 4; t++) acc[r][t] = fma(w[t], x, acc[r][t]);
      }
    }
    for (int r = 0; r < R; r++)
      for (int t = 0; t < tiles; t++) store(o + r * head_floats + column + t * 16, acc[r][t]);
  }
}

}  // namespace weft::cpu::WEFT_ISA
