// Keys and values that are rows of codes (quant/code_rows.h).
//
// A key is multiplied as it is: a query becomes integers of 16 bits, with one scale per 32 of them,
// and a block's dot product is the integer sum of that of its high bytes and that of its low ones:
//
//   acc = fma(float(256 * dot(high, key) + dot(low, key)) * query's scale, key's scale, acc)
//
// for the blocks in order. A value's scale goes to its probability: O = fma(code, p * scale, O) for
// the keys in order. Both whatever the number of queries, so few rows agree with many to the bit.
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

// to[0 .. n) = the codes of a row.
WEFT_INLINE void widen_codes(const char* row, float* to, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(to + i, load_codes(row + i));
  if (i == n) return;
  char tail[16] = {};
  memcpy(tail, row + i, size_t(n - i));
  store_n(to + i, load_codes(tail), n - i);
}

// Scales of two blocks of 16 rows, one row per lane.
struct ScalePair {
  vf of[2];
};
// Those of blocks `block` (even) and `block` + 1 of rows of n codes; 0 for rows from `count` on. A
// word is read whole: rows are.
WEFT_INLINE ScalePair scales_of(const char* rows, int64_t step, int64_t count, int64_t n,
                                int64_t block) {
  const char* from = rows + code_bytes(n) + 2 * block;
  ScalePair r;
#if defined(__AVX512F__)
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i at = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(int(step)));
  const __mmask16 kept = __mmask16(count < 16 ? (1 << count) - 1 : 0xffff);
  const __m512i words = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), kept, at, from, 1);
  r.of[0].part[0] = (f32n)_mm512_cvtph_ps(_mm512_cvtepi32_epi16(words));
  r.of[1].part[0] = (f32n)_mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(words, 16)));
#else
  uint16_t halves[2][16] = {};
  for (int64_t l = 0; l < count && l < 16; l++)
    for (int i = 0; i < 2; i++) memcpy(halves[i] + l, from + l * step + 2 * i, sizeof(uint16_t));
  for (int i = 0; i < 2; i++) r.of[i] = load_half(halves[i]);
#endif
  return r;
}

// 32 elements of a query as integers of up to 127 * 256, apart in bytes.
struct QueryBlock {
  int8_t high[kCodeBlock], low[kCodeBlock];  // 256 * high + low
  float scale;
  int32_t start;  // -128 times the sum of the integers: keys' codes are multiplied with 128 added
};
static_assert(sizeof(QueryBlock) == kQueryBlockFloats * sizeof(float));

WEFT_INLINE void store_bytes(int8_t* p, vi v) {
  typedef int8_t bytes __attribute__((vector_size(kLanes)));
  WEFT_PARTS(i) {
    const bytes b = __builtin_convertvector(v.part[i], bytes);
    memcpy(p + i * kLanes, &b, sizeof b);
  }
}

// A NaN or an infinity makes the scale a NaN, and so every score of the query.
WEFT_INLINE void encode_query(const float* x, int64_t count, QueryBlock* to) {
  const vf magic = set1(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, halves to even
  vf values[2];
  for (int i = 0; i < 2; i++) values[i] = load_leading(x + 16 * i, count - 16 * i);
  const float highest = maximum(max(abs(values[0]), abs(values[1])));
  const vf inverse = set1(highest > 0x1p-100f ? 32512.0f / highest : 0.0f);
  for (vf& v : values) v = v * inverse + magic - magic;
  const float total = sum(values[0] + values[1]);  // exact
  const bool finite = total - total == 0;
  for (int i = 0; i < 2; i++) {
    vi whole, high;
    WEFT_PARTS(l) {
      whole.part[l] = __builtin_convertvector(finite ? values[i].part[l] : f32n{}, i32n);
      high.part[l] = (whole.part[l] + 128) >> 8;
    }
    store_bytes(to->high + 16 * i, high);
    store_bytes(to->low + 16 * i, whole);
  }
  to->scale = finite ? highest / 32512.0f : __builtin_nanf("");
  to->start = finite ? -128 * int32_t(total) : 0;
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
  for (int64_t block = 0; block < code_blocks(d); block += 2) {
    const ScalePair scales = scales_of(rows, step, 16, d, block);
    store(to.scales + block * kKeyBlock + j, scales.of[0]);
    if (block + 1 < code_blocks(d)) store(to.scales + (block + 1) * kKeyBlock + j, scales.of[1]);
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
    vi high[R][P], low[R][P];
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int p = 0; p < P; p++)
        high[r][p] = set1_i32(0), low[r][p] = set1_i32(q[r * blocks + b].start);
    for (int64_t w = 0; w < count; w++) {
      vu k[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; p++) k[p] = load_u32(reinterpret_cast<const char*>(words + 16 * p));
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        int32_t x[2];
        memcpy(x, q[r * blocks + b].high + 4 * w, sizeof x[0]);
        memcpy(x + 1, q[r * blocks + b].low + 4 * w, sizeof x[1]);
#pragma GCC unroll 4
        for (int p = 0; p < P; p++) {
          high[r][p] = dot4<false>(high[r][p], k[p], x[0]);
          low[r][p] = dot4<false>(low[r][p], k[p], x[1]);
        }
      }
      words += kKeyBlock;
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) {
      const vf scale = load(keys.scales + b * kKeyBlock + 16 * p);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        WEFT_PARTS(i) low[r][p].part[i] += high[r][p].part[i] << 8;
        acc[r][p] = fma(to_floats(low[r][p]) * set1(q[r * blocks + b].scale), scale, acc[r][p]);
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

// The probabilities of R queries times the scales of blocks `block` and `block` + 1 of the values:
// to[block of the two][query][key].
WEFT_INLINE void scale_probabilities(const float* p, int64_t vectors, const char* v, int64_t v_row,
                                     int64_t keys, int64_t dv, int64_t block, float* to) {
  for (int64_t j = 0; j < keys; j += 16) {
    const ScalePair scales = scales_of(v + j * v_row, v_row, keys - j, dv, block);
    for (int64_t r = 0; r < vectors; r++)
      for (int i = 0; i < 2; i++)
        store(to + (i * vectors + r) * kKeyBlock + j, load(p + r * kKeyBlock + j) * scales.of[i]);
  }
}

// O of R queries, four tiles of 16 columns at a time; dv is a multiple of 16. `scaled` has room for
// the scaled probabilities of two blocks.
template <int R>
void sum_code_rows(const float* p, const char* v, int64_t v_row, int64_t keys, int64_t dv, float* o,
                   int64_t head_floats, float* scaled) {
  for (int64_t column = 0; column < dv; column += 64) {
    const int tiles = dv - column < 64 ? int((dv - column) / 16) : 4;
    scale_probabilities(p, R, v, v_row, keys, dv, column / kCodeBlock, scaled);
    vf acc[R][4];
    for (int r = 0; r < R; r++)
      for (int t = 0; t < 4; t++) acc[r][t] = zero();
    for (int64_t j = 0; j < keys; j++) {
      const char* row = v + j * v_row + column;
      __builtin_prefetch(row + kKeyBlock * v_row, 0, 2);
      __builtin_prefetch(row + kKeyBlock * v_row + 64, 0, 2);
      vf w[4];
#pragma GCC unroll 4
      for (int t = 0; t < 4; t++) w[t] = t < tiles ? load_codes(row + t * 16) : zero();
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        const vf first = set1(scaled[r * kKeyBlock + j]);
        const vf second = set1(scaled[(R + r) * kKeyBlock + j]);
#pragma GCC unroll 4
        for (int t = 0; t < 4; t++) acc[r][t] = fma(w[t], t < 2 ? first : second, acc[r][t]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int t = 0; t < 4; t++)
        if (t < tiles) store(o + r * head_floats + column + t * 16, acc[r][t]);
  }
}

}  // namespace weft::cpu::WEFT_ISA
