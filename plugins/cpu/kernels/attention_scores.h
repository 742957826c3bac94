// Scores of a unit's queries over one block of keys, and what its memory is cut into.
//
// A score is acc = fma(k_i, q_i, acc) for i ascending from acc = 0, whether keys become columns in
// memory (many queries: a product like any other) or in registers (few: the keys are read once, as
// fast as they come). Keys that are codes have products of their own, attention_codes.h.
//
// Included by kernel files only; like vec.h, everything has internal linkage.
#pragma once

#include "plugins/cpu/kernels/attention_codes.h"
#include "plugins/cpu/kernels/attention_parts.h"
#include "plugins/cpu/kernels/attention_span.h"
#include "plugins/cpu/kernels/micro.h"

namespace weft::cpu::WEFT_ISA {

namespace {

constexpr int64_t kPanel = 32;      // columns of kt that lie together
constexpr int64_t kFewVectors = 4;  // so many are computed without copies of keys and values

struct Scratch {
  float* q;       // [vectors, d], scaled
  float* kt;      // [block / 32, d, 32]
  float* rows;    // [16, d16]: keys that are widened, or too few, before they become columns
  float* s;       // [vectors, block]
  float* v;       // [block, dv16]: values widened or padded
  float* parts;   // [vectors, part]
  float* totals;  // [vectors, part]
  float* scaled;  // [2, vectors, block]: probabilities times the scales of values
  QueryBlock* query_codes;  // [vectors, blocks of 32], of keys that are codes
};

Scratch carve(float* p, int64_t d, int64_t dv) {
  Scratch s;
  s.q = p;
  s.kt = s.q + kAttentionVectors * round16(d);
  s.rows = s.kt + kKeyBlock * d;
  s.s = s.rows + 16 * round16(d);
  s.v = s.s + kAttentionVectors * kKeyBlock;
  s.parts = s.v + kKeyBlock * round16(dv);
  s.totals = s.parts + kAttentionVectors * attention_part_floats(dv);
  s.scaled = s.totals + kAttentionVectors * attention_part_floats(dv);
  s.query_codes = reinterpret_cast<QueryBlock*>(s.scaled + 2 * kAttentionVectors * kKeyBlock);
  return s;
}

void load_queries(const AttentionUnit& u, float* q) {
  for (int64_t r = 0; r < u.rows; r++)
    for (int64_t h = 0; h < u.heads; h++) {
      const float* from = u.q + r * u.q_row + h * u.q_head;
      for (int64_t i = 0; i < u.d; i++) *q++ = from[i] * u.scale;
    }
}

// The queries of `t` as codes, for keys that are.
void load_query_codes(const AttentionUnit& u, const Scratch& t) {
  QueryBlock* to = t.query_codes;
  for (int64_t i = 0; i < u.rows * u.heads; i++)
    for (int64_t at = 0; at < u.d; at += kCodeBlock)
      encode_query(t.q + i * u.d + at, u.d - at < kCodeBlock ? u.d - at : kCodeBlock, to++);
}

// 16 keys as floats with zeros for those beyond `count`, widened or copied to t.rows.
void stage_keys(const AttentionUnit& u, int64_t key, int64_t count, float* rows) {
  const int64_t d16 = round16(u.d);
  for (int64_t i = 0; i < count; i++) {
    const char* from = row_of(u.k, u.k_is_half, key + i, u.k_row);
    if (u.k_is_half) {
      widen(reinterpret_cast<const uint16_t*>(from), rows + i * d16, u.d);
    } else {
      memcpy(rows + i * d16, from, size_t(u.d) * sizeof(float));
    }
  }
  memset(rows + count * d16, 0, size_t((16 - count) * d16) * sizeof(float));
}

// Scores of many queries: the `count` keys from key0 on become columns, then a product.
void many_scores(const AttentionUnit& u, const Scratch& t, int64_t key0, int64_t count) {
  for (int64_t j = 0; j < count; j += 16) {
    const int64_t some = count - j < 16 ? count - j : 16;
    auto rows = reinterpret_cast<const float*>(row_of(u.k, u.k_is_half, key0 + j, u.k_row));
    int64_t row = u.k_row;
    if (u.k_is_half || some < 16) {
      stage_keys(u, key0 + j, some, t.rows);
      rows = t.rows;
      row = round16(u.d);
    }
    transpose16(rows, row, u.d, t.kt + j / kPanel * kPanel * u.d + j % kPanel, kPanel);
  }
  const int64_t columns = round16(count);
  for (int64_t j = 0; j < columns; j += kPanel) {
    const int64_t width = columns - j < kPanel ? columns - j : kPanel;
    multiply({t.q, u.d, t.kt + j * u.d, kPanel, 16, t.s + j, kKeyBlock, u.d, true},
             u.rows * u.heads, width);
  }
}

// s[r][0 .. P * kLanes) for R queries, the keys turned into columns in registers.
template <int R, int P, typename T>
WEFT_INLINE void score_keys(const float* q, int64_t d, const T* k, int64_t k_row, float* s,
                            Ahead& ahead) {
  f32n acc[R][P];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int p = 0; p < P; p++) acc[r][p] = f32n{};
  for (int64_t i = 0; i < d; i += 4) {
    ask(ahead, P * kLanes * int64_t(sizeof(T)) / 16);
    Columns c[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; p++) c[p] = columns_of(k + p * kLanes * k_row + i, k_row);
#pragma GCC unroll 4
    for (int n = 0; n < 4; n++)
#pragma GCC unroll 8
      for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
          acc[r][p] = fma_part(c[p].column[n], q[r * d + i + n] - f32n{}, acc[r][p]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++)
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
      *reinterpret_cast<f32n_unaligned*>(s + r * kKeyBlock + p * kLanes) = acc[r][p];
}

template <int R, typename T>
void few_scores(const AttentionUnit& u, const Scratch& t, int64_t key0, int64_t count) {
  constexpr int kPair = 2 * kLanes < 16 ? 16 / kLanes : 2;  // at least 16 keys at a time
  const T* k = static_cast<const T*>(u.k) + key0 * u.k_row;
  const int64_t row_bytes = u.d * int64_t(sizeof(T)), step = u.k_row * int64_t(sizeof(T));
  Ahead ahead = {reinterpret_cast<const char*>(k + kKeyBlock * u.k_row), row_bytes, step, 0};
  int64_t j = 0;
  for (; j + kPair * kLanes <= count; j += kPair * kLanes)
    score_keys<R, kPair>(t.q, u.d, k + j * u.k_row, u.k_row, t.s + j, ahead);
  for (; j < count; j += 16) {
    stage_keys(u, key0 + j, count - j < 16 ? count - j : 16, t.rows);
    score_keys<R, 16 / kLanes>(t.q, u.d, t.rows, round16(u.d), t.s + j, ahead);
  }
}

template <typename T>
void few_scores_of(const AttentionUnit& u, const Scratch& t, int64_t key0, int64_t count) {
  switch (u.rows * u.heads) {
    case 1:
      return few_scores<1, T>(u, t, key0, count);
    case 2:
      return few_scores<2, T>(u, t, key0, count);
    case 3:
      return few_scores<3, T>(u, t, key0, count);
    default:
      return few_scores<4, T>(u, t, key0, count);
  }
}

// Scores of keys that are codes; t.kt and t.rows have room for their words and scales.
void code_scores(const AttentionUnit& u, const Scratch& t, int64_t key0, int64_t count) {
  const KeyWords words = {reinterpret_cast<uint32_t*>(t.kt), t.rows};
  const int64_t blocks = code_blocks(u.d), bytes = quant::code_row_bytes(u.d);
  for (int64_t j = 0; j < count; j += 16) {
    const char* rows = static_cast<const char*>(u.k) + (key0 + j) * u.k_row;
    int64_t step = u.k_row;
    for (int64_t i = 0; i < 16; i++)
      for (int64_t at = 0; at < bytes; at += 64)
        __builtin_prefetch(rows + (kKeyBlock + i) * step + at, 0, 2);
    if (count - j < 16) {  // behind the scales
      char* some = reinterpret_cast<char*>(t.rows + blocks * kKeyBlock);
      for (int64_t i = 0; i < count - j; i++)
        memcpy(some + i * bytes, rows + i * step, size_t(bytes));
      memset(some + (count - j) * bytes, 0, size_t((16 - count + j) * bytes));
      rows = some;
      step = bytes;
    }
    lay_keys(rows, step, u.d, j, words);
  }
  const int64_t vectors = u.rows * u.heads, columns = round16(count);
  for (int64_t i = 0; i < vectors; i += 4) {
    const QueryBlock* q = t.query_codes + i * blocks;
    float* s = t.s + i * kKeyBlock;
    if (vectors - i >= 4) score_rows<4>(q, blocks, words, u.d, columns, s);
    if (vectors - i == 3) score_rows<3>(q, blocks, words, u.d, columns, s);
    if (vectors - i == 2) score_rows<2>(q, blocks, words, u.d, columns, s);
    if (vectors - i == 1) score_rows<1>(q, blocks, words, u.d, columns, s);
  }
}

// t.s[vector][0 .. round16(count)): every query times every key.
void score(const AttentionUnit& u, const Scratch& t, int64_t key0, int64_t count) {
  if (u.k_is_codes) return code_scores(u, t, key0, count);
  if (u.rows * u.heads > kFewVectors || u.d % 4) return many_scores(u, t, key0, count);
  if (u.k_is_half) return few_scores_of<uint16_t>(u, t, key0, count);
  return few_scores_of<float>(u, t, key0, count);
}

float tanh1(float x) {
  const f32n e = exp_part(2.0f * x - f32n{});
  return 1.0f - 2.0f / (e[0] + 1.0f);
}

// Scores of one row for the `columns` keys from key0 on: soft cap, slope, mask, and minus infinity
// outside [low, high).
void limit_scores(const AttentionUnit& u, int64_t row, int64_t head, int64_t key0, int64_t columns,
                  Span seen, float* s) {
  if (u.softcap > 0)
    for (int64_t j = 0; j < columns; j++) s[j] = u.softcap * tanh1(s[j] / u.softcap);
  if (u.slopes) {
    const int64_t distance = key0 - u.position - row;  // of key0; 0 at the row's own key
    for (int64_t j = 0; j < columns; j++) s[j] += u.slopes[head] * float(distance + j);
  }
  int64_t from = seen.low > key0 ? seen.low - key0 : 0;
  if (from > columns) from = columns;
  int64_t to = seen.high - key0;
  if (to > columns) to = columns;
  if (u.mask) {
    const int64_t at = head * u.mask_head + row * u.mask_row + key0 * u.mask_key;
    for (int64_t j = from; j < to; j++) {
      const int64_t i = at + j * u.mask_key;
      if (!u.mask_is_bool) {
        s[j] += static_cast<const float*>(u.mask)[i];
      } else if (!static_cast<const uint8_t*>(u.mask)[i]) {
        s[j] = kMinusInfinity;
      }
    }
  }
  for (int64_t j = 0; j < from; j++) s[j] = kMinusInfinity;
  for (int64_t j = to < from ? from : to; j < columns; j++) s[j] = kMinusInfinity;
}

// Turns scores into probabilities against their maximum; l and m of the part.
WEFT_INLINE void soften(float* s, int64_t columns, float* l) {
  vf highest = load(s);
  for (int64_t j = 16; j < columns; j += 16) highest = max(highest, load(s + j));
  const float m = highest_lane(highest);
  vf total = zero();
  l[16] = m;
  if (m == kMinusInfinity) {
    for (int64_t j = 0; j < columns; j += 16) store(s + j, zero());
  } else {
    const vf top = set1(m);
    for (int64_t j = 0; j < columns; j += 16) {
      const vf p = exp_below(load(s + j) - top);
      store(s + j, p);
      total = total + p;
    }
  }
  store(l, total);
}

}  // namespace

}  // namespace weft::cpu::WEFT_ISA
