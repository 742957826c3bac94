// Products of bytes in 32 bits, and the steps between floats and codes around them.
//
// Integer sums are exact in any order, so rows and columns are blocked as registers allow; the
// steps from and to floats are what core/ops says to the bit, on every instruction set.
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kRows = 12, kTiles = 2;
#else
constexpr int kRows = 4, kTiles = 1;
#endif
constexpr int64_t kSlab = 480;  // rows whose sums are kept on the stack

WEFT_INLINE int32_t word_at(const int8_t* x) {
  int32_t word;
  memcpy(&word, x, sizeof word);
  return word;
}
// The last word of a row whose length is no multiple of four.
WEFT_INLINE int32_t last_word(const int8_t* x, int64_t count) {
  int32_t word = 0;
  memcpy(&word, x, size_t(count));
  return word;
}

// Word i of each of T tiles times R words of x.
template <int R, int T>
WEFT_INLINE void step(const PackedBytes& w, const char* tile, int64_t i, const int32_t (&words)[R],
                      vi (&sums)[R][T]) {
  vu codes[T];
#pragma GCC unroll 2
  for (int t = 0; t < T; t++) codes[t] = load_u32(tile + t * w.tile_bytes + i * 64);
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int t = 0; t < T; t++) sums[r][t] = dot4<false>(sums[r][t], codes[t], words[r]);
}

// Rows [0, R) of x times T tiles. The tiles hold w + 128, which start takes back.
template <int R, int T>
void block(const PackedBytes& w, const char* tile, const int8_t* x, int64_t x_row,
           const int32_t* start, int32_t* y, int64_t y_row, int64_t columns) {
  vi sums[R][T];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int t = 0; t < T; t++) sums[r][t] = set1_i32(start[r]);
  const int64_t whole = w.k / 4, rest = w.k % 4;
  int32_t words[R];
  for (int64_t i = 0; i < whole; i++) {
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) words[r] = word_at(x + r * x_row + 4 * i);
    step(w, tile, i, words, sums);
  }
  if (rest > 0) {
    for (int r = 0; r < R; r++) words[r] = last_word(x + r * x_row + 4 * whole, rest);
    step(w, tile, whole, words, sums);
  }
  for (int r = 0; r < R; r++) {
    for (int t = 0; t < T; t++) {
      const int64_t count = columns - 16 * t < 16 ? columns - 16 * t : 16;
      memcpy(y + r * y_row + 16 * t, &sums[r][t], size_t(count) * sizeof(int32_t));
    }
  }
}

template <int R>
void rows_block(const PackedBytes& w, const char* tile, const int8_t* x, int64_t x_row,
                const int32_t* start, int32_t* y, int64_t y_row, int64_t columns, int64_t tiles) {
  if (kTiles == 2 && tiles == 2) {
    block<R, kTiles>(w, tile, x, x_row, start, y, y_row, columns);
    return;
  }
  block<R, 1>(w, tile, x, x_row, start, y, y_row, columns);
}

void byte_product(const PackedBytes& w, const int8_t* x, int64_t x_row, int64_t rows, int32_t* y,
                  int64_t y_row, int64_t begin, int64_t end) {
  int32_t start[kSlab];
  for (int64_t slab = 0; slab < rows; slab += kSlab) {
    const int64_t count = rows - slab < kSlab ? rows - slab : kSlab;
    for (int64_t r = 0; r < count; r++) {
      const int8_t* row = x + (slab + r) * x_row;
      int32_t sum = 0;
      for (int64_t k = 0; k < w.k; k++) sum += row[k];
      start[r] = -128 * sum;
    }
    for (int64_t tile = begin; tile < end; tile += kTiles) {
      const int64_t tiles = end - tile < kTiles ? end - tile : kTiles;
      const char* data = w.data + tile * w.tile_bytes;
      const int64_t columns = w.n - 16 * tile < 16 * tiles ? w.n - 16 * tile : 16 * tiles;
      int64_t r = 0;
      const auto take = [&](auto&& run, int64_t n) {
        for (; r + n <= count; r += n)
          run(w, data, x + (slab + r) * x_row, x_row, start + r, y + (slab + r) * y_row + 16 * tile,
              y_row, columns, tiles);
      };
      take(rows_block<kRows>, kRows);
      take(rows_block<4>, 4);
      take(rows_block<1>, 1);
    }
  }
}

// Rounded to the nearest integer, halves to even, for magnitudes below 2^22.
WEFT_INLINE vf nearest(vf v) {
  const vf magic = set1(12582912.0f);  // 1.5 * 2^23
  return (v + magic) - magic;
}

WEFT_INLINE vf not_nan(vf v) {
  WEFT_PARTS(i) v.part[i] = v.part[i] == v.part[i] ? v.part[i] : f32n{};
  return v;
}

// y = saturate(round_even(x / step)); a NaN becomes 0.
void quantize_bytes(const float* x, int64_t n, float step, int8_t* y) {
  int64_t i = 0;
  for (; i < n; i += 16) {
    vf v = i + 16 <= n ? load(x + i) : load_n(x + i, n - i, 0);
    v = nearest(min(max(not_nan(v / set1(step)), set1(-128)), set1(127)));
    if (i + 16 <= n) {
      store_codes(y + i, v);
    } else {
      int8_t codes[16];
      store_codes(codes, v);
      memcpy(y + i, codes, size_t(n - i));
    }
  }
}

// y = float(x) * scale, with a scale for each element where scale_step is 1.
void dequantize_sums(const int32_t* x, int64_t n, const float* scale, int64_t scale_step,
                     float* y) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    vi v;
    memcpy(&v, x + i, sizeof v);
    store(y + i, to_floats(v) * (scale_step ? load(scale + i) : set1(*scale)));
  }
  for (; i < n; i++) y[i] = float(x[i]) * scale[i * scale_step];
}

// Where round_even(x / step) is beyond -128 .. 127: index and what is beyond, in order; how many.
int64_t find_outliers(const float* x, int64_t n, float step, int32_t* index, float* residual) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i += 16) {
    const vf v = (i + 16 <= n ? load(x + i) : load_n(x + i, n - i, 0)) / set1(step);
    vf far = abs(v);
    // Not "greater", so that a NaN is one; -128.5 and 127.5 are rounded below.
    WEFT_PARTS(p) far.part[p] = far.part[p] < 127.5f ? f32n{} : f32n{} + 1.0f;
    if (sum(far) == 0) continue;
    float quotients[16];
    store(quotients, v);
    for (int64_t l = 0; l < 16 && i + l < n; l++) {
      const float q = __builtin_rintf(quotients[l]);
      const float low = q > 127.0f ? 127.0f : q;
      const float rest = q - (low < -128.0f ? -128.0f : low);
      if (rest == 0) continue;
      index[count] = int32_t(i + l);
      residual[count++] = rest;
    }
  }
  return count;
}

// y[n] += a * w[n].
void add_scaled_bytes(float a, const int8_t* w, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = fma1(a, float(w[i]), y[i]);
}

}  // namespace

void install_bytes(Kernels& table) {
  table.byte_product = byte_product;
  table.quantize_bytes = quantize_bytes;
  table.dequantize_sums = dequantize_sums;
  table.find_outliers = find_outliers;
  table.add_scaled_bytes = add_scaled_bytes;
}

}  // namespace weft::cpu::WEFT_ISA
