// Attention over blocks of 64 keys with a running maximum: one unit is up to 48 query vectors (rows
// x heads that share a key head), so that keys and values are read once for all of them.
//
//   Kt [d, 64]   the block's keys, transposed     S [vectors, 64]  scores, then probabilities
//   m, l         running maximum and sum          O [vectors, dv]  running weighted values
//
// Each row is computed by operations of its own in an order fixed by key positions alone, so its
// bits do not depend on which rows are computed with it. Milakov and Gimelshein, "Online normalizer
// calculation for softmax", 2018; Dao et al., "FlashAttention", 2022.
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/micro.h"

namespace weft::cpu::WEFT_ISA {

namespace {

constexpr float kMinusInfinity = -__builtin_inff();

struct Scratch {
  float* q;   // [vectors, d]
  float* kt;  // [d, 64]
  float* s;   // [vectors, 64]
  float* o;   // [vectors, dv16]
  float* v;   // [64, dv16]: a copy where dv is not a multiple of 16
  float* m;   // [vectors]
  float* l;   // [vectors]
};

WEFT_INLINE int64_t round16(int64_t n) { return (n + 15) / 16 * 16; }

Scratch carve(float* p, int64_t d, int64_t dv) {
  Scratch s;
  s.q = p;
  s.kt = s.q + round16(kAttentionVectors * d);
  s.s = s.kt + d * kKeyBlock;
  s.o = s.s + kAttentionVectors * kKeyBlock;
  s.v = s.o + kAttentionVectors * round16(dv);
  s.m = s.v + kKeyBlock * round16(dv);
  s.l = s.m + kAttentionVectors;
  return s;
}

// Asks for the next block's keys and this block's values, four rows at a time: rows of one head lie
// a whole cache row apart, which is no pattern the processor's prefetcher follows far.
WEFT_INLINE void prefetch_rows(const AttentionUnit& u, int64_t key) {
  for (int64_t j = key; j < key + 4; j++) {
    for (int64_t i = 0; i < u.d; i += 16) __builtin_prefetch(u.k + (j + kKeyBlock) * u.k_row + i);
    for (int64_t i = 0; i < u.dv; i += 16) __builtin_prefetch(u.v + j * u.v_row + i);
  }
}

// kt[i][j] = k[j][i] for the `count` keys there are, 0 for the rest of the block.
void transpose_keys(const AttentionUnit& u, int64_t key0, int64_t count, float* kt) {
  const int64_t k_row = u.k_row, d = u.d;
  const float* k = u.k + key0 * k_row;
  typedef float f4 __attribute__((vector_size(16)));
  typedef f4 f4u __attribute__((aligned(4), may_alias));
  int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    const float* row = k + j * k_row;
    prefetch_rows(u, key0 + j);
    int64_t i = 0;
    for (; i + 4 <= d; i += 4) {
      const f4 a = *(const f4u*)(row + i), b = *(const f4u*)(row + k_row + i);
      const f4 c = *(const f4u*)(row + 2 * k_row + i), e = *(const f4u*)(row + 3 * k_row + i);
      const f4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      const f4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const f4 ce_low = __builtin_shufflevector(c, e, 0, 4, 1, 5);
      const f4 ce_high = __builtin_shufflevector(c, e, 2, 6, 3, 7);
      float* to = kt + i * kKeyBlock + j;
      *(f4u*)to = __builtin_shufflevector(ab_low, ce_low, 0, 1, 4, 5);
      *(f4u*)(to + kKeyBlock) = __builtin_shufflevector(ab_low, ce_low, 2, 3, 6, 7);
      *(f4u*)(to + 2 * kKeyBlock) = __builtin_shufflevector(ab_high, ce_high, 0, 1, 4, 5);
      *(f4u*)(to + 3 * kKeyBlock) = __builtin_shufflevector(ab_high, ce_high, 2, 3, 6, 7);
    }
    for (; i < d; i++)
      for (int64_t n = 0; n < 4; n++) kt[i * kKeyBlock + j + n] = row[n * k_row + i];
  }
  for (; j < kKeyBlock; j++)
    for (int64_t i = 0; i < d; i++) kt[i * kKeyBlock + j] = j < count ? k[j * k_row + i] : 0.0f;
}

float tanh1(float x) {
  const f32n e = exp_part(2.0f * x - f32n{});
  return 1.0f - 2.0f / (e[0] + 1.0f);
}

// Scores of one row for keys key0 .. key0 + 63: soft cap, slope, mask, and minus infinity outside
// [low, high).
void limit_scores(const AttentionUnit& u, int64_t row, int64_t head, int64_t key0, int64_t low,
                  int64_t high, float* s) {
  if (u.softcap > 0)
    for (int64_t j = 0; j < kKeyBlock; j++) s[j] = u.softcap * tanh1(s[j] / u.softcap);
  if (u.slopes) {
    const int64_t distance = key0 - u.position - row;  // of key0; 0 at the row's own key
    for (int64_t j = 0; j < kKeyBlock; j++) s[j] += u.slopes[head] * float(distance + j);
  }
  int64_t from = low > key0 ? low - key0 : 0;
  if (from > kKeyBlock) from = kKeyBlock;
  int64_t to = high - key0;
  if (to > kKeyBlock) to = kKeyBlock;
  if (u.mask) {
    const int64_t at = head * u.mask_head + row * u.mask_row + key0 * u.mask_key;
    for (int64_t j = from; j < to; j++) {
      const int64_t i = at + j * u.mask_key;
      if (!u.mask_is_bool) {
        s[j] += ((const float*)u.mask)[i];
      } else if (!((const uint8_t*)u.mask)[i]) {
        s[j] = kMinusInfinity;
      }
    }
  }
  for (int64_t j = 0; j < from; j++) s[j] = kMinusInfinity;
  for (int64_t j = to < from ? from : to; j < kKeyBlock; j++) s[j] = kMinusInfinity;
}

// Turns scores into probabilities against the running maximum, and rescales the row's sums to it.
void soften(float* s, float* m, float* l, float* o, int64_t dv16) {
  vf highest = load(s);
  for (int64_t j = 16; j < kKeyBlock; j += 16) highest = max(highest, load(s + j));
  const float block = maximum(highest);
  const float now = block > *m ? block : *m;
  if (now == kMinusInfinity) {
    for (int64_t j = 0; j < kKeyBlock; j += 16) store(s + j, zero());
    return;
  }
  if (now != *m) {
    const f32n factor = exp_part((*m - now) - f32n{});
    *l *= factor[0];
    const vf f = set1(factor[0]);
    for (int64_t i = 0; i < dv16; i += 16) store(o + i, load(o + i) * f);
    *m = now;
  }
  vf total = zero();
  const vf top = set1(now);
  for (int64_t j = 0; j < kKeyBlock; j += 16) {
    const vf p = exp(load(s + j) - top);
    store(s + j, p);
    total = total + p;
  }
  *l += sum(total);
}

struct Span {
  int64_t low, high;
};
// Keys that row r of the unit sees.
WEFT_INLINE Span span_of(const AttentionUnit& u, int64_t r) {
  const int64_t p = u.position + r;
  int64_t low = p - u.left, high = p + u.right + 1;
  if (low < 0) low = 0;
  if (high > u.keys) high = u.keys;
  return {low, high};
}

void block_of_keys(const AttentionUnit& u, const Scratch& t, int64_t key0, Span all) {
  const int64_t dv16 = round16(u.dv), vectors = u.rows * u.heads;
  int64_t count = all.high - key0;
  if (count > kKeyBlock) count = kKeyBlock;
  transpose_keys(u, key0, count, t.kt);
  multiply({t.q, u.d, t.kt, kKeyBlock, 16, t.s, kKeyBlock, u.d, 16, true}, vectors, round16(count));
  for (int64_t r = 0; r < u.rows; r++) {
    const Span row = span_of(u, r);
    for (int64_t h = 0; h < u.heads; h++) {
      const int64_t i = r * u.heads + h;
      float* s = t.s + i * kKeyBlock;
      limit_scores(u, r, h, key0, row.low, row.high, s);
      soften(s, t.m + i, t.l + i, t.o + i * dv16, dv16);
    }
  }
  // Keys nobody sees are left out: a cache holds anything beyond the valid keys.
  const int64_t skip = all.low > key0 ? all.low - key0 : 0;
  const float* v = u.v + (key0 + skip) * u.v_row;
  int64_t v_row = u.v_row;
  if (u.dv % 16) {
    for (int64_t j = skip; j < count; j++)
      memcpy(t.v + (j - skip) * dv16, u.v + (key0 + j) * u.v_row, size_t(u.dv) * sizeof(float));
    v = t.v;
    v_row = dv16;
  }
  multiply({t.s + skip, kKeyBlock, v, v_row, 16, t.o, dv16, count - skip, 16, false}, vectors,
           dv16);
}

void attend(const AttentionUnit& u, float* scratch) {
  const Scratch t = carve(scratch, u.d, u.dv);
  const int64_t dv16 = round16(u.dv), vectors = u.rows * u.heads;
  Span all = {u.keys, 0};
  for (int64_t r = 0; r < u.rows; r++) {
    const Span row = span_of(u, r);
    if (row.low < all.low) all.low = row.low;
    if (row.high > all.high) all.high = row.high;
    for (int64_t h = 0; h < u.heads; h++) {
      const float* from = u.q + r * u.q_row + h * u.q_head;
      float* to = t.q + (r * u.heads + h) * u.d;
      for (int64_t i = 0; i < u.d; i++) to[i] = from[i] * u.scale;
    }
  }
  // A sink is a key without a value: the sums begin as if it had come first.
  for (int64_t i = 0; i < vectors; i++) {
    t.m[i] = u.sinks ? u.sinks[i % u.heads] : kMinusInfinity;
    t.l[i] = t.m[i] == kMinusInfinity ? 0.0f : 1.0f;
  }
  memset(t.o, 0, size_t(vectors * dv16) * sizeof(float));
  if (u.dv % 16) memset(t.v, 0, size_t(kKeyBlock * dv16) * sizeof(float));
  for (int64_t key0 = all.low / kKeyBlock * kKeyBlock; key0 < all.high; key0 += kKeyBlock)
    block_of_keys(u, t, key0, all);
  for (int64_t r = 0; r < u.rows; r++)
    for (int64_t h = 0; h < u.heads; h++) {
      const int64_t i = r * u.heads + h;
      // A row that sees no key is a row of zeros.
      const float inverse = t.l[i] == 0 ? 0.0f : 1.0f / t.l[i];
      float* y = u.y + r * u.y_row + h * u.y_head;
      for (int64_t c = 0; c < u.dv; c++) y[c] = t.o[i * dv16 + c] * inverse;
    }
}

}  // namespace

void install_attention(Kernels& table) { table.attend = attend; }

}  // namespace weft::cpu::WEFT_ISA
