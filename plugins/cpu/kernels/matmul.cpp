// Products with a packed constant: one row (decoding: weights are decoded on the fly, four tiles at
// a time), many rows (a panel of 256 x 32 weights is decoded once and stays in the first-level
// cache), and single columns (embeddings). See kernels.h for the layout and the order of
// operations.
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/micro.h"
#include "plugins/cpu/kernels/packed.h"

namespace weft::cpu::WEFT_ISA {

namespace {

// Calls use(k, weights of tile 0 .. T-1) for every k of one block.
//   block[t]  the block of tile t
template <bool nibbles, int T, typename Use>
WEFT_INLINE void decode(const PackedMatrix& m, const TileBlocks (&block)[T], int64_t count,
                        Use&& use) {
  constexpr int64_t kPerWord = nibbles ? 8 : 4;
  const char* at[T];
  vf scale[T], offset[T];
#pragma GCC unroll 4
  for (int t = 0; t < T; t++) {
    scale[t] = read_scales(m, block[t].header);
    offset[t] = read_offsets(m, block[t].header, scale[t]);
    at[t] = block[t].words;
  }
  for (int64_t k = 0; k < count; k += kPerWord) {
    vu words[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) {
      words[t] = load_u32(at[t]);
      at[t] += block[t].word_step;
    }
    const auto step = [&]<int j>() __attribute__((always_inline)) {
      vf w[T];
#pragma GCC unroll 4
      for (int t = 0; t < T; t++) w[t] = fma(code_of<nibbles, j>(words[t]), scale[t], offset[t]);
      use(k + j, w);
    };
    const int64_t left = count - k;
    step.template operator()<0>();
    if (left > 1) step.template operator()<1>();
    if (left > 2) step.template operator()<2>();
    if (left > 3) step.template operator()<3>();
    if constexpr (nibbles) {
      if (left > 4) step.template operator()<4>();
      if (left > 5) step.template operator()<5>();
      if (left > 6) step.template operator()<6>();
      if (left > 7) step.template operator()<7>();
    }
  }
}

template <int T>
void gemv_tiles(const PackedMatrix& w, const float* x, float* y, int64_t tile) {
  vf acc[T];
#pragma GCC unroll 4
  for (int t = 0; t < T; t++) acc[t] = zero();
  const auto use = [&](int64_t k, const vf(&weights)[T]) __attribute__((always_inline)) {
    const vf value = set1(x[k]);
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) acc[t] = fma(weights[t], value, acc[t]);
  };
  const auto rows = [&](auto&& row) __attribute__((always_inline)) {
    for (int64_t k = 0; k < w.k; k++) {
      vf weights[T];
#pragma GCC unroll 4
      for (int t = 0; t < T; t++) weights[t] = row(w.data + (tile + t) * w.tile_bytes, k);
      use(k, weights);
    }
  };
  if (w.kind == kPackedF32) {
    rows([](const char* p, int64_t k) { return load(floats(p) + k * 16); });
  } else if (w.kind == kPackedF16) {
    rows([](const char* p, int64_t k) { return halves_to_floats(p + k * 32); });
  } else if (w.kind == kPackedBF16) {
    rows([](const char* p, int64_t k) { return row_of_pairs(p, k); });
  } else {
    TileBlocks at[T];
    for (int t = 0; t < T; t++) at[t] = blocks_of(w, tile + t);
    for (int64_t done = 0; done < w.k; done += w.block) {
      const int64_t count = w.k - done < w.block ? w.k - done : w.block;
      if (w.kind == kPackedU4) {
        decode<true, T>(w, at, count, use);
      } else {
        decode<false, T>(w, at, count, use);
      }
      x += count;
#pragma GCC unroll 4
      for (int t = 0; t < T; t++) at[t].header += at[t].step, at[t].words += at[t].step;
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; t++) {
    const int64_t column = (tile + t) * 16;
    if (w.n - column >= 16) {
      store(y + column, acc[t]);
    } else {
      store_n(y + column, acc[t], w.n - column);
    }
  }
}

void gemv(const PackedMatrix& w, const float* x, float* y, int64_t begin, int64_t end) {
  int64_t tile = begin;
  for (; tile + 4 <= end; tile += 4) gemv_tiles<4>(w, x, y, tile);
  for (; tile < end; tile++) gemv_tiles<1>(w, x, y, tile);
}

// The weights of one word, four or eight vectors.
template <bool nibbles>
WEFT_INLINE void decode_word(vu words, vf scale, vf offset, float* to) {
  store(to, fma(code_of<nibbles, 0>(words), scale, offset));
  store(to + 16, fma(code_of<nibbles, 1>(words), scale, offset));
  store(to + 32, fma(code_of<nibbles, 2>(words), scale, offset));
  store(to + 48, fma(code_of<nibbles, 3>(words), scale, offset));
  if constexpr (nibbles) {
    store(to + 64, fma(code_of<nibbles, 4>(words), scale, offset));
    store(to + 80, fma(code_of<nibbles, 5>(words), scale, offset));
    store(to + 96, fma(code_of<nibbles, 6>(words), scale, offset));
    store(to + 112, fma(code_of<nibbles, 7>(words), scale, offset));
  }
}

// Weights k0 .. k0 + count of one tile, decoded to panel[k][16]. k0 is a multiple of the block or
// the block of kPanelK, whichever is smaller.
void decode_panel(const PackedMatrix& w, int64_t tile, int64_t k0, int64_t count, float* panel) {
  if (w.kind == kPackedF16 || w.kind == kPackedBF16) {
    const char* data = w.data + tile * w.tile_bytes;
    for (int64_t k = k0; k < k0 + count; k++, panel += 16)
      store(panel, w.kind == kPackedF16 ? halves_to_floats(data + k * 32) : row_of_pairs(data, k));
    return;
  }
  const TileBlocks blocks = blocks_of(w, tile);
  for (int64_t k = 0; k < count;) {
    const int64_t block = (k0 + k) / w.block, inside = (k0 + k) % w.block;
    int64_t some = w.block - inside;
    if (some > count - k) some = count - k;
    const char* header = blocks.header + block * blocks.step;
    const char* words = blocks.words + block * blocks.step;
    const vf scale = read_scales(w, header), offset = read_offsets(w, header, scale);
    // `inside` is a multiple of 8: panels and blocks both are.
    float* to = panel + k * 16;
    if (w.kind == kPackedU8) {
      for (int64_t i = 0; i < some; i += 4)
        decode_word<false>(load_u32(words + (inside + i) / 4 * blocks.word_step), scale, offset,
                           to + i * 16);
    } else {
      for (int64_t i = 0; i < some; i += 8)
        decode_word<true>(load_u32(words + (inside + i) / 8 * blocks.word_step), scale, offset,
                          to + i * 16);
    }
    k += some;
  }
}

void gemm(const PackedMatrix& w, const float* x, int64_t x_row, float* y, int64_t y_row,
          int64_t rows, int64_t begin, int64_t end, float* panel) {
  for (int64_t k0 = 0; k0 < w.k; k0 += kPanelK) {
    const int64_t count = w.k - k0 < kPanelK ? w.k - k0 : kPanelK;
    for (int64_t tile = begin; tile < end; tile += 2) {
      const int64_t tiles = end - tile < 2 ? 1 : 2;
      int64_t columns = w.n - tile * 16;
      if (columns > tiles * 16) columns = tiles * 16;
      Micro m{x + k0, x_row, panel, 16, kPanelK * 16, y + tile * 16, y_row, count, k0 == 0};
      if (w.kind == kPackedF32) {
        m.b = floats(w.data + tile * w.tile_bytes) + k0 * 16;
        m.b_tile = w.tile_bytes / int64_t(sizeof(float));
      } else {
        for (int64_t t = 0; t < tiles; t++)
          decode_panel(w, tile + t, k0, count, panel + t * kPanelK * 16);
      }
      multiply(m, rows, columns);
    }
  }
}

// Line `lane` of a tile of floats in any form.
void gather_floats(const PackedMatrix& w, const char* tile, int64_t lane, float* y) {
  for (int64_t k = 0; k < w.k; k++) {
    vf row;
    if (w.kind == kPackedF32) {
      y[k] = floats(tile)[k * 16 + lane];
      continue;
    }
    row = w.kind == kPackedF16 ? halves_to_floats(tile + k * 32) : row_of_pairs(tile, k);
    float lanes[16];
    store(lanes, row);
    y[k] = lanes[lane];
  }
}

void gather(const PackedMatrix& w, int64_t line, float* y) {
  const int64_t lane = line % 16;
  if (w.kind != kPackedU4 && w.kind != kPackedU8)
    return gather_floats(w, w.data + line / 16 * w.tile_bytes, lane, y);
  const TileBlocks blocks = blocks_of(w, line / 16);
  float scale[16], offset[16];
  for (int64_t k = 0; k < w.k; k++) {
    const char* header = blocks.header + k / w.block * blocks.step;
    const int64_t inside = k % w.block, per_word = w.kind == kPackedU4 ? 8 : 4;
    uint32_t word;
    const char* words = blocks.words + k / w.block * blocks.step;
    memcpy(&word, words + inside / per_word * blocks.word_step + lane * 4, sizeof word);
    const uint32_t code = w.kind == kPackedU4 ? word >> (4 * nibble_of(int(inside % 8))) & 15
                                              : word >> (8 * (inside % 4)) & 255;
    if (inside == 0) {
      const vf scales = read_scales(w, header);
      store(scale, scales);
      store(offset, read_offsets(w, header, scales));
    }
    y[k] = fma1(float(code), scale[lane], offset[lane]);
  }
}

// b is row-major and as wide as it is: whole tiles are read in place, the last ones are copied.
void matmul(const float* a, int64_t a_row, const float* b, int64_t b_row, float* c, int64_t c_row,
            int64_t rows, int64_t k, int64_t n, float* panel) {
  const int64_t whole = n / 16 * 16;
  for (int64_t k0 = 0; k0 == 0 || k0 < k; k0 += kPanelK) {
    const int64_t count = k - k0 < kPanelK ? k - k0 : kPanelK;
    Micro m{a + k0, a_row, b + k0 * b_row, b_row, 16, c, c_row, count, k0 == 0};
    if (whole) multiply(m, rows, whole);
    if (whole == n) continue;
    for (int64_t i = 0; i < count; i++)
      store(panel + i * 16, load_n(b + (k0 + i) * b_row + whole, n - whole, 0));
    m.b = panel;
    m.b_k = 16;
    m.c = c + whole;
    multiply(m, rows, n - whole);
  }
}

// Sums wrap: unsigned.
void add_bytes(int32_t a, const uint8_t* b, uint32_t is_signed, int32_t* y, int64_t n) {
  uint32_t* sums = (uint32_t*)y;
  if (is_signed) {
    for (int64_t i = 0; i < n; i++) sums[i] += uint32_t(a * int32_t(int8_t(b[i])));
  } else {
    for (int64_t i = 0; i < n; i++) sums[i] += uint32_t(a * int32_t(b[i]));
  }
}

}  // namespace

void install_matmul(Kernels& table) {
  table.gemv = gemv;
  table.gemm = gemm;
  table.gather = gather;
  table.matmul = matmul;
  table.add_bytes = add_bytes;
}

}  // namespace weft::cpu::WEFT_ISA
