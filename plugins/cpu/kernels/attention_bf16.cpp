// Attention of many rows from dot products of bfloat16, two products of a lane at a time, with sums
// in f32. Queries are the lanes: a tile of 48 of them is transposed once, and then
//
//   s [keys, 48]  = k q     one key's elements, in pairs, against the queries as columns
//   p [keys, 48]  = 2^(s - m'), m' = max(m, what the block adds), rounded to bfloat16
//   l [48]        = l 2^(m - m') + the sum of p as rounded, so that weights add up to one
//   O [dv, 48]    = O 2^(m - m') + v p    pairs of keys of one column against p in such pairs
//
// so that keys need no transposition and maxima, sums and factors are vectors like any other.
// Scores are in units of log2(e). Keys and values of a block become bfloat16 once for all tiles of
// a unit.
//
// A row's bits depend on the row and its keys alone: blocks begin at multiples of kKeyBlock, and
// keys that it does not see add zeros. Products with the rounded operands are exact; the rounding
// of queries and keys moves a score by at most 2^-8 sum |q_i k_i|, that of probabilities and values
// a row by at most 2^-7 of its largest value.
//
// Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
// "FlashAttention", 2022.
#include "plugins/cpu/kernels/attention_pairs.h"
#include "plugins/cpu/kernels/attention_parts.h"

namespace weft::cpu::WEFT_ISA {

namespace {

constexpr int64_t kQueries = kAttentionVectors;  // lanes of a tile
constexpr int64_t kStep = 8;                     // keys, or columns of values, of a register tile
constexpr float kLog2e = 1.44269504f, kLn2 = 0.693147181f;

// Queries of some rows, and their sums so far.
struct Tile {
  AttentionUnit u;
  int vectors;   // of 16 lanes
  uint32_t* q;   // [d16 / 2, 48], pairs of elements
  float* o;      // [dv16, 48]
  float *l, *m;  // [48]
};

struct Prompt {
  uint32_t* k;      // [block, d16 / 2], pairs of elements
  uint32_t* v;      // [block / 2, dv16], pairs of keys
  float* s;         // [block, 48]
  uint32_t* p;      // [block / 2, 48], pairs of keys
  float* rows;      // [48, max(d16 / 2, dv16)]
  float* factor;    // [48]
  float* distance;  // [48]
  float* slope;     // [48]
  float* tiles;     // kPromptTiles of q, o, l, m
};

uint32_t* words(float* p) { return reinterpret_cast<uint32_t*>(p); }

Prompt carve_prompt(float* at, int64_t d, int64_t dv) {
  const int64_t d2 = round16(d) / 2, dv16 = round16(dv);
  Prompt t;
  t.s = at;
  t.p = words(t.s + kKeyBlock * kQueries);
  t.factor = t.s + kKeyBlock * kQueries + kKeyBlock / 2 * kQueries;
  t.distance = t.factor + kQueries;
  t.slope = t.distance + kQueries;
  t.v = words(t.slope + kQueries);
  t.rows = t.slope + kQueries + kKeyBlock / 2 * dv16;
  t.tiles = t.rows + kQueries * (d2 > dv16 ? d2 : dv16);
  t.k = words(t.tiles + kPromptTiles * kQueries * (d2 + dv16 + 2));
  return t;
}

// Keys and values [from, to) of the block that begins at key0.
void load_block(const AttentionUnit& u, const Prompt& t, int64_t key0, int64_t from, int64_t to) {
  with_rows(u.k, u.k_is_half, u.k_is_codes, key0 * u.k_row, u.d,
            [&](auto key) { load_keys(u, key, from, to, t.k); });
  with_rows(u.v, u.v_is_half, u.v_is_codes, key0 * u.v_row, u.dv,
            [&](auto value) { load_values(u, value, from, to, t.v); });
}

// transpose16 for sizes that are not known here: GCC 12 finds an overflow in the loop over what is
// left of known ones, which has no turns.
__attribute__((noinline, noclone)) void transpose(const float* rows, int64_t row, int64_t d,
                                                  float* to, int64_t to_row) {
  transpose16(rows, row, d, to, to_row);
}

// Queries times `scale` as columns, zeros in lanes without one. `rows` is for use.
void load_queries(const AttentionUnit& u, float scale, float* rows, uint32_t* q) {
  const int64_t d2 = round16(u.d) / 2;
  for (int64_t i = 0; i < kQueries; i++) {
    const int64_t r = i / u.heads, h = i % u.heads;
    if (r < u.rows) {
      load_row(u.q + r * u.q_row + h * u.q_head, u.d, scale, words(rows + i * d2));
    } else {
      memset(rows + i * d2, 0, size_t(d2) * sizeof *rows);
    }
  }
  for (int64_t i = 0; i < kQueries; i += 16)
    transpose(rows + i * d2, d2, d2, reinterpret_cast<float*>(q) + i, kQueries);
}

// Scores come in units of log2(e), unless something is done to them first.
float scale_of(const AttentionUnit& u) { return u.softcap > 0 ? u.scale : u.scale * kLog2e; }

// The sums before any key. A sink is a key without a value that comes first.
void begin(Tile& t, int64_t dv16) {
  memset(t.o, 0, size_t(dv16 * kQueries) * sizeof(float));
  for (int64_t i = 0; i < kQueries; i++) {
    t.m[i] = t.u.sinks ? t.u.sinks[i % t.u.heads] * kLog2e : kMinusInfinity;
    t.l[i] = t.m[i] == kMinusInfinity ? 0.0f : 1.0f;
  }
}

// acc[r][t] += the dot products of a's row r with column 16 t .. of b, over `pairs` pairs that lie
// a_pair words apart.
template <int T>
WEFT_INLINE void add_products(__m512 (&acc)[kStep][T], const uint32_t* a, int64_t a_row,
                              int64_t a_pair, const uint32_t* b, int64_t pairs) {
  const uint32_t* row[kStep];
#pragma GCC unroll 8
  for (int r = 0; r < kStep; r++) row[r] = a + r * a_row;
  for (int64_t i = 0; i < pairs; i++) {
    __m512i w[T];
#pragma GCC unroll 3
    for (int t = 0; t < T; t++) w[t] = load_words(b + i * kQueries + t * 16);
#pragma GCC unroll 8
    for (int r = 0; r < kStep; r++) {
      const __m512i x = _mm512_set1_epi32(int(row[r][i * a_pair]));
#pragma GCC unroll 3
      for (int t = 0; t < T; t++) acc[r][t] = dot2(acc[r][t], x, w[t]);
    }
  }
}

// s[from .. to) = k q; whole steps.
template <int T>
void score(const Tile& tile, const Prompt& t, int64_t from, int64_t to) {
  const int64_t d2 = round16(tile.u.d) / 2, pairs = (tile.u.d + 1) / 2;
  for (int64_t j = from; j < to; j += kStep) {
    __m512 acc[kStep][T] = {};
    add_products<T>(acc, t.k + j * d2, d2, 1, tile.q, pairs);
#pragma GCC unroll 8
    for (int r = 0; r < kStep; r++)
#pragma GCC unroll 3
      for (int c = 0; c < T; c++) _mm512_storeu_ps(t.s + (j + r) * kQueries + c * 16, acc[r][c]);
  }
}

// O = O factor + v p over the keys [from, to).
template <int T>
void add_values(const Tile& tile, const Prompt& t, int64_t from, int64_t to) {
  const int64_t dv16 = round16(tile.u.dv);
  for (int64_t i = 0; i < tile.u.dv; i += kStep) {
    __m512 acc[kStep][T];
    float* o = tile.o + i * kQueries;
#pragma GCC unroll 3
    for (int c = 0; c < T; c++) {
      const __m512 factor = load_floats(t.factor + c * 16);
#pragma GCC unroll 8
      for (int r = 0; r < kStep; r++)
        acc[r][c] = _mm512_mul_ps(load_floats(o + r * kQueries + c * 16), factor);
    }
    add_products<T>(acc, t.v + from / 2 * dv16 + i, 1, dv16, t.p + from / 2 * kQueries,
                    (to - from) / 2);
#pragma GCC unroll 8
    for (int r = 0; r < kStep; r++)
#pragma GCC unroll 3
      for (int c = 0; c < T; c++) _mm512_storeu_ps(o + r * kQueries + c * 16, acc[r][c]);
  }
}

// Masked scores become minus infinity, those of a mask of floats are added to it.
void mask_scores(const AttentionUnit& u, int64_t key0, int64_t from, int64_t to, float* s) {
  for (int64_t i = 0; i < u.rows * u.heads; i++) {
    const int64_t r = i / u.heads;
    const Span seen = span_of(u, r);
    const int64_t first = seen.low > key0 + from ? seen.low - key0 : from;
    const int64_t last = seen.high < key0 + to ? seen.high - key0 : to;
    const int64_t row = i % u.heads * u.mask_head + r * u.mask_row;
    for (int64_t j = first; j < last; j++) {
      const int64_t at = row + (key0 + j) * u.mask_key;
      float& x = s[j * kQueries + i];
      if (!u.mask_is_bool) {
        x += static_cast<const float*>(u.mask)[at] * kLog2e;
      } else if (!static_cast<const uint8_t*>(u.mask)[at]) {
        x = kMinusInfinity;
      }
    }
  }
}

// Scores of the keys [from, to) of the block: soft cap, slope, mask, and minus infinity where a row
// does not see the key.
void limit_scores(const AttentionUnit& u, const Prompt& t, int64_t key0, int64_t from, int64_t to) {
  int32_t low[kQueries], high[kQueries];
  for (int64_t i = 0; i < kQueries; i++) {
    const int64_t r = i / u.heads;
    const Span seen = span_of(u, r);
    low[i] = int32_t(seen.low > key0 ? seen.low - key0 < to ? seen.low - key0 : to : 0);
    high[i] = int32_t(seen.high > key0 ? seen.high - key0 < to ? seen.high - key0 : to : 0);
    t.slope[i] = u.slopes ? u.slopes[i % u.heads] * kLog2e : 0.0f;
    t.distance[i] = float(key0 - u.position - r);
  }
  if (u.softcap > 0)
    for (int64_t j = from * kQueries; j < to * kQueries; j += 16) {
      const vf e = exp(load(t.s + j) * set1(2 / u.softcap));
      store(t.s + j, (set1(1) - set1(2) / (e + set1(1))) * set1(u.softcap * kLog2e));
    }
  if (u.slopes)
    for (int64_t j = from; j < to; j++)
      for (int64_t i = 0; i < kQueries; i += 16) {
        float* s = t.s + j * kQueries + i;
        store(s, fma(load(t.slope + i), load(t.distance + i) + set1(float(j)), load(s)));
      }
  if (u.mask) mask_scores(u, key0, from, to, t.s);
  for (int64_t j = from; j < to; j++)
    for (int64_t i = 0; i < kQueries; i += 16) {
      const __m512i key = _mm512_set1_epi32(int(j));
      const __mmask16 seen = _mm512_cmple_epi32_mask(_mm512_loadu_si512(low + i), key) &
                             _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(high + i), key);
      float* s = t.s + j * kQueries + i;
      _mm512_storeu_ps(s, _mm512_mask_mov_ps(_mm512_set1_ps(kMinusInfinity), seen, load_floats(s)));
    }
}

// Scores of the keys [from, to) become probabilities against the highest score so far.
template <int T>
void soften(const Tile& tile, const Prompt& t, int64_t from, int64_t to) {
  const __m512i ones = _mm512_set1_epi32(0x3f803f80);
  __m512 base[T], total[T];
#pragma GCC unroll 3
  for (int c = 0; c < T; c++) base[c] = load_floats(tile.m + c * 16);
  for (int64_t j = from; j < to; j++)
#pragma GCC unroll 3
    for (int c = 0; c < T; c++)  // a NaN changes no maximum
      base[c] = _mm512_max_ps(load_floats(t.s + j * kQueries + c * 16), base[c]);
#pragma GCC unroll 3
  for (int c = 0; c < T; c++) {
    const __m512 before = load_floats(tile.m + c * 16);
    _mm512_storeu_ps(tile.m + c * 16, base[c]);
    // Where no key has been seen all exponents are minus infinity.
    const __m512 nothing = _mm512_set1_ps(kMinusInfinity);
    base[c] = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(base[c], nothing, _CMP_NEQ_UQ), base[c]);
    // Exactly 1 where the maximum stays.
    const vf fall = {{(f32n)_mm512_sub_ps(before, base[c])}};
    const vf factor = exp_below(fall * set1(kLn2));
    store(t.factor + c * 16, factor);
    total[c] = _mm512_mul_ps(load_floats(tile.l + c * 16), (__m512)factor.part[0]);
  }
  for (int64_t j = from; j < to; j += 2)
#pragma GCC unroll 3
    for (int c = 0; c < T; c++) {
      const float* s = t.s + j * kQueries + c * 16;
      const __m512 even = exp2_rough(_mm512_sub_ps(load_floats(s), base[c]));
      const __m512 odd = exp2_rough(_mm512_sub_ps(load_floats(s + kQueries), base[c]));
      const __m512i p = interleave(pack(even, odd));
      _mm512_storeu_si512(t.p + j / 2 * kQueries + c * 16, p);
      total[c] = dot2(total[c], p, ones);
    }
#pragma GCC unroll 3
  for (int c = 0; c < T; c++) _mm512_storeu_ps(tile.l + c * 16, total[c]);
}

template <int T>
void take_keys(const Tile& tile, const Prompt& t, int64_t key0, int64_t from, int64_t to) {
  const AttentionUnit& u = tile.u;
  score<T>(tile, t, from, to);
  const Span first = span_of(u, 0), last = span_of(u, u.rows - 1);
  const bool plain = u.softcap <= 0 && !u.slopes && !u.mask;
  if (!plain || last.low > key0 + from || first.high < key0 + to)
    limit_scores(u, t, key0, from, to);
  soften<T>(tile, t, from, to);
  add_values<T>(tile, t, from, to);
}

// The block's keys that rows of the tile see, in whole steps.
void take_block(const Tile& tile, const Prompt& t, int64_t key0) {
  const Span seen = span_of(tile.u);
  const int64_t from = seen.low > key0 ? (seen.low - key0) / kStep * kStep : 0;
  int64_t to = seen.high - key0;
  to = to < kKeyBlock ? (to + kStep - 1) / kStep * kStep : kKeyBlock;
  if (from >= to) return;
  switch (tile.vectors) {
    case 1:
      return take_keys<1>(tile, t, key0, from, to);
    case 2:
      return take_keys<2>(tile, t, key0, from, to);
    default:
      return take_keys<3>(tile, t, key0, from, to);
  }
}

// y = O / l, a row that sees no key being a row of zeros.
void finish(const Tile& tile, float* rows) {
  const AttentionUnit& u = tile.u;
  const int64_t dv16 = round16(u.dv);
  for (int64_t i = 0; i < dv16; i += 16)
    transpose(tile.o + i * kQueries, kQueries, kQueries, rows + i, dv16);
  for (int64_t i = 0; i < u.rows * u.heads; i++) {
    const vf inverse = set1(tile.l[i] == 0 ? 0.0f : 1.0f / tile.l[i]);
    float* y = u.y + i / u.heads * u.y_row + i % u.heads * u.y_head;
    int64_t c = 0;
    for (; c + 16 <= u.dv; c += 16) store(y + c, load(rows + i * dv16 + c) * inverse);
    if (c < u.dv) store_n(y + c, load(rows + i * dv16 + c) * inverse, u.dv - c);
  }
}

// Rows [first, first + rows) of a unit.
AttentionUnit some_rows(AttentionUnit u, int64_t first, int64_t rows) {
  u.q += first * u.q_row;
  u.y += first * u.y_row;
  u.position += first;
  u.rows = rows;
  if (u.mask)
    u.mask = static_cast<const char*>(u.mask) + first * u.mask_row * (u.mask_is_bool ? 1 : 4);
  return u;
}

void attend_prompt(const AttentionUnit& u, float* scratch) {
  const Prompt t = carve_prompt(scratch, u.d, u.dv);
  const int64_t d2 = round16(u.d) / 2, dv16 = round16(u.dv), most = kQueries / u.heads;
  Tile tiles[kPromptTiles];
  int64_t count = 0;
  float* at = t.tiles;
  for (int64_t row = 0; row < u.rows; row += most) {
    Tile& tile = tiles[count++];
    tile.u = some_rows(u, row, u.rows - row < most ? u.rows - row : most);
    tile.vectors = int((tile.u.rows * u.heads + 15) / 16);
    tile.q = words(at);
    tile.o = at + d2 * kQueries;
    tile.l = tile.o + dv16 * kQueries;
    tile.m = tile.l + kQueries;
    at = tile.m + kQueries;
    load_queries(tile.u, scale_of(u), t.rows, tile.q);
    begin(tile, dv16);
  }
  const Span all = span_of(u);
  for (int64_t key0 = all.low / kKeyBlock * kKeyBlock; key0 < all.high; key0 += kKeyBlock) {
    const int64_t from = all.low > key0 ? all.low - key0 : 0, to = all.high - key0;
    load_block(u, t, key0, from, to);
    for (int64_t i = 0; i < count; i++) take_block(tiles[i], t, key0);
  }
  for (int64_t i = 0; i < count; i++) finish(tiles[i], t.rows);
}

}  // namespace

void install_attention_bf16(Kernels& table) { table.attend_prompt = attend_prompt; }

}  // namespace weft::cpu::WEFT_ISA
