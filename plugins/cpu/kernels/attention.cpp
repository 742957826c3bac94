// Attention over blocks of keys that begin at multiples of kKeyBlock. A block gives each query a
// part (kernels.h) that depends on nothing but the query and the block; parts are added in the
// order of the keys:
//
//   m' = max(m, m_b)    l' = l e^(m - m') + l_b e^(m_b - m')    O' the same
//
// So a row's bits depend neither on the rows computed with it nor on who computed which part.
//
//   kt [d, block]   the block's keys as columns, in panels of 32 (each [d, 32])
//   s  [vectors, block]   scores, then probabilities against the block's own maximum
//
// Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
// "FlashAttention", 2022; Dao et al., "Flash-Decoding for long-context inference", 2023.
#include "plugins/cpu/kernels/attention_scores.h"

namespace weft::cpu::WEFT_ISA {

namespace {

WEFT_INLINE vf load_value(const float* p) { return load(p); }
WEFT_INLINE vf load_value(const uint16_t* p) { return load_half(p); }

// O = p V for R queries and four tiles of 16 columns at a time, read from where the values lie.
template <int R, typename T>
void sum_values(const float* p, const T* v, int64_t v_row, int64_t keys, int64_t columns, float* o,
                int64_t head_floats) {
  for (int64_t column = 0; column < columns; column += 64) {
    const int tiles = columns - column < 64 ? int((columns - column) / 16) : 4;
    Ahead ahead = {reinterpret_cast<const char*>(v + kKeyBlock * v_row + column),
                   64 * int64_t(sizeof(T)), v_row * int64_t(sizeof(T)), 0};
    vf acc[R][4];
    for (int r = 0; r < R; r++)
      for (int t = 0; t < 4; t++) acc[r][t] = zero();
    for (int64_t j = 0; j < keys; j++) {
      const T* row = v + j * v_row + column;
      ask(ahead, int64_t(sizeof(T)));
      vf w[4];
#pragma GCC unroll 4
      for (int t = 0; t < 4; t++) w[t] = t < tiles ? load_value(row + t * 16) : zero();
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

template <typename T>
void sum_values_of(int64_t vectors, const float* p, const T* v, int64_t v_row, int64_t keys,
                   int64_t columns, float* o, int64_t head_floats) {
  switch (vectors) {
    case 1:
      return sum_values<1>(p, v, v_row, keys, columns, o, head_floats);
    case 2:
      return sum_values<2>(p, v, v_row, keys, columns, o, head_floats);
    case 3:
      return sum_values<3>(p, v, v_row, keys, columns, o, head_floats);
    default:
      return sum_values<4>(p, v, v_row, keys, columns, o, head_floats);
  }
}

// O of few queries of one row, from values that are codes.
void sum_codes(const AttentionUnit& u, const Scratch& t, const float* p, const char* v,
               int64_t keys, float* o, int64_t head_floats) {
  switch (u.heads) {
    case 1:
      return sum_code_rows<1>(p, v, u.v_row, keys, u.dv, o, head_floats, t.scaled);
    case 2:
      return sum_code_rows<2>(p, v, u.v_row, keys, u.dv, o, head_floats, t.scaled);
    case 3:
      return sum_code_rows<3>(p, v, u.v_row, keys, u.dv, o, head_floats, t.scaled);
    default:
      return sum_code_rows<4>(p, v, u.v_row, keys, u.dv, o, head_floats, t.scaled);
  }
}

// O of the unit's parts, from values [first, first + keys) that are codes.
void add_code_values(const AttentionUnit& u, const Scratch& t, const float* p, int64_t first,
                     int64_t keys, float* o, int64_t head_floats) {
  const int64_t dv16 = round16(u.dv), vectors = u.rows * u.heads;
  const int64_t part = attention_part_floats(u.dv);
  const char* v = static_cast<const char*>(u.v) + first * u.v_row;
  if (u.dv % 16 == 0 && vectors <= kFewVectors && u.rows == 1)
    return sum_codes(u, t, p, v, keys, o, head_floats);
  for (int64_t j = 0; j < keys; j++) {
    widen_codes(v + j * u.v_row, t.v + j * dv16, u.dv);
    memset(t.v + j * dv16 + u.dv, 0, size_t(dv16 - u.dv) * sizeof(float));
  }
  for (int64_t c = 0; c < dv16; c += kCodeBlock) {
    const int64_t block = c / kCodeBlock, width = dv16 - c < kCodeBlock ? dv16 - c : kCodeBlock;
    if (block % 2 == 0) scale_probabilities(p, vectors, v, u.v_row, keys, u.dv, block, t.scaled);
    const float* scaled = t.scaled + block % 2 * vectors * kKeyBlock;
    // Vectors lie as the unit counts them, or head by head.
    const bool together = head_floats == part;
    const int64_t heads = together ? 1 : u.heads;
    for (int64_t h = 0; h < heads; h++)
      multiply({scaled + h * kKeyBlock, heads * kKeyBlock, t.v + c, dv16, 16,
                o + h * head_floats + c, part, keys, true},
               vectors / heads, width);
  }
}

// O of the unit's parts, from values [first, first + keys).
void add_values(const AttentionUnit& u, const Scratch& t, const float* p, int64_t first,
                int64_t keys, float* o, int64_t head_floats) {
  if (u.v_is_codes) return add_code_values(u, t, p, first, keys, o, head_floats);
  const int64_t dv16 = round16(u.dv), vectors = u.rows * u.heads;
  const char* values = row_of(u.v, u.v_is_half, first, u.v_row);
  const float* v = reinterpret_cast<const float*>(values);
  const auto* halves = reinterpret_cast<const uint16_t*>(values);
  if (u.dv % 16 == 0 && vectors <= kFewVectors && u.rows == 1) {
    if (u.v_is_half) return sum_values_of(vectors, p, halves, u.v_row, keys, dv16, o, head_floats);
    return sum_values_of(vectors, p, v, u.v_row, keys, dv16, o, head_floats);
  }
  int64_t v_row = u.v_row;
  if (u.v_is_half || u.dv % 16) {
    for (int64_t j = 0; j < keys; j++) {
      float* to = t.v + j * dv16;
      if (u.v_is_half) {
        widen(halves + j * u.v_row, to, u.dv);
      } else {
        memcpy(to, v + j * u.v_row, size_t(u.dv) * sizeof(float));
      }
      memset(to + u.dv, 0, size_t(dv16 - u.dv) * sizeof(float));
    }
    v = t.v;
    v_row = dv16;
  }
  const int64_t part = attention_part_floats(u.dv);
  if (head_floats == part) {  // vectors lie as the unit counts them
    multiply({p, kKeyBlock, v, v_row, 16, o, part, keys, true}, vectors, dv16);
    return;
  }
  for (int64_t h = 0; h < u.heads; h++)
    multiply({p + h * kKeyBlock, u.heads * kKeyBlock, v, v_row, 16, o + h * head_floats, part, keys,
              true},
             u.rows, dv16);
}

// One block for queries that are scaled already. Query (r, h)'s part: parts + h * head + r * row.
void take_block(const AttentionUnit& u, const Scratch& t, int64_t block, float* parts, int64_t head,
                int64_t row) {
  const Span all = span_of(u);
  const int64_t key0 = block * kKeyBlock, dv16 = round16(u.dv);
  const int64_t count = all.high - key0 < kKeyBlock ? all.high - key0 : kKeyBlock;
  const int64_t columns = round16(count);
  const bool plain = u.softcap <= 0 && !u.slopes && !u.mask;
  score(u, t, key0, count);
  for (int64_t r = 0; r < u.rows; r++) {
    const Span seen = span_of(u, r);
    const bool whole = plain && seen.low <= key0 && seen.high >= key0 + columns;
    for (int64_t h = 0; h < u.heads; h++) {
      float* s = t.s + (r * u.heads + h) * kKeyBlock;
      if (!whole) limit_scores(u, r, h, key0, columns, seen, s);
      soften(s, columns, parts + h * head + r * row + dv16);
    }
  }
  // Keys nobody sees are left out: a cache holds anything beyond the valid keys.
  const int64_t skip = all.low > key0 ? all.low - key0 : 0;
  add_values(u, t, t.s + skip, key0 + skip, count - skip, parts, head);
}

// Query h's sums before any key. A sink is a key without a value that comes first.
void begin_total(const AttentionUnit& u, int64_t h, float* total) {
  const int64_t dv16 = round16(u.dv);
  memset(total, 0, size_t(attention_part_floats(u.dv)) * sizeof(float));
  const float m = u.sinks ? u.sinks[h] : kMinusInfinity;
  total[dv16] = m == kMinusInfinity ? 0.0f : 1.0f;
  total[dv16 + 16] = m;
}

void add_part(const float* part, float* total, int64_t dv16) {
  const float before = total[dv16 + 16], m = part[dv16 + 16];
  if (m == kMinusInfinity) return;
  const float now = m > before ? m : before;
  const vf old_factor = exp_below(set1(before - now)), factor = exp_below(set1(m - now));
  for (int64_t i = 0; i < dv16 + 16; i += 16)
    store(total + i, fma(load(part + i), factor, load(total + i) * old_factor));
  total[dv16 + 16] = now;
}

void finish(const AttentionUnit& u, int64_t r, int64_t h, const float* total) {
  const float l = sum(load(total + round16(u.dv)));
  // A row that sees no key is a row of zeros.
  const float inverse = l == 0 ? 0.0f : 1.0f / l;
  float* y = u.y + r * u.y_row + h * u.y_head;
  for (int64_t c = 0; c < u.dv; c++) y[c] = total[c] * inverse;
}

void attend(const AttentionUnit& u, float* scratch) {
  const Scratch t = carve(scratch, u.d, u.dv);
  const int64_t vectors = u.rows * u.heads, part = attention_part_floats(u.dv);
  load_queries(u, t.q);
  if (u.k_is_codes) load_query_codes(u, t);
  for (int64_t i = 0; i < vectors; i++) begin_total(u, i % u.heads, t.totals + i * part);
  const Span all = span_of(u);
  for (int64_t block = all.low / kKeyBlock; block * kKeyBlock < all.high; block++) {
    take_block(u, t, block, t.parts, part, u.heads * part);
    for (int64_t i = 0; i < vectors; i++)
      add_part(t.parts + i * part, t.totals + i * part, round16(u.dv));
  }
  for (int64_t i = 0; i < vectors; i++) finish(u, i / u.heads, i % u.heads, t.totals + i * part);
}

void attend_blocks(const AttentionUnit& u, int64_t block, int64_t count, float* parts,
                   int64_t head_floats, int64_t block_floats, float* scratch) {
  const Scratch t = carve(scratch, u.d, u.dv);
  load_queries(u, t.q);
  if (u.k_is_codes) load_query_codes(u, t);
  for (int64_t i = 0; i < count; i++)
    take_block(u, t, block + i, parts + i * block_floats, head_floats, attention_part_floats(u.dv));
}

void attend_merge(const AttentionUnit& u, int64_t blocks, const float* parts, int64_t head_floats,
                  int64_t block_floats, float* scratch) {
  const int64_t part = attention_part_floats(u.dv);
  float* total = carve(scratch, u.d, u.dv).totals;
  for (int64_t r = 0; r < u.rows; r++)
    for (int64_t h = 0; h < u.heads; h++) {
      begin_total(u, h, total);
      for (int64_t i = 0; i < blocks; i++)
        add_part(parts + h * head_floats + r * part + i * block_floats, total, round16(u.dv));
      finish(u, r, h, total);
    }
}

}  // namespace

void install_attention(Kernels& table) {
  table.attend = attend;
  table.attend_blocks = attend_blocks;
  table.attend_merge = attend_merge;
}

}  // namespace weft::cpu::WEFT_ISA
