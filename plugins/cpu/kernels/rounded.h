// Products of bfloat16: what the kernels with and without tiles share. For kernel files of
// instruction sets that have AVX512-BF16 only.
//
//   y = sum over k of bf16(w) * bf16(x), in f32
//
// The weights of two tiles are decoded to bf16 once for all rows, pairs of k side by side, as the
// dot products take them: panel[K32 / 2][16 columns][2]. Weights packed as bf16 lie so already.
#pragma once

#include "plugins/cpu/kernels/finish.h"
#include "plugins/cpu/kernels/packed.h"
#include "plugins/cpu/kernels/pairs.h"

namespace weft::cpu::WEFT_ISA {

// Sixteen columns of two rows of weights.
WEFT_INLINE void store_pairs(uint16_t* to, vf even, vf odd) {
  _mm512_storeu_si512(to, interleave(pack((__m512)even.part[0], (__m512)odd.part[0])));
}

template <bool nibbles>
WEFT_INLINE void decode_pairs(vu words, vf scale, vf offset, uint16_t* to) {
  const auto pair = [&]<int j>() __attribute__((always_inline)) {
    store_pairs(to + j * 16, fma(code_of<nibbles, j>(words), scale, offset),
                fma(code_of<nibbles, j + 1>(words), scale, offset));
  };
  pair.template operator()<0>();
  pair.template operator()<2>();
  if constexpr (nibbles) {
    pair.template operator()<4>();
    pair.template operator()<6>();
  }
}

template <bool nibbles>
void decode_tile(const PackedMatrix& w, int64_t tile, uint16_t* panel) {
  constexpr int64_t kPerWord = nibbles ? 8 : 4;
  TileBlocks at = blocks_of(w, tile);
  for (int64_t done = 0; done < w.k; done += w.block) {
    const int64_t count = w.k - done < w.block ? w.k - done : w.block;
    const vf scale = read_scales(w, at.header), offset = read_offsets(w, at.header, scale);
    for (int64_t k = 0; k < count; k += kPerWord)
      decode_pairs<nibbles>(load_u32(at.words + k / kPerWord * at.word_step), scale, offset,
                            panel + (done + k) * 16);
    at.header += at.step, at.words += at.step;
  }
}

// Rows of floats or halves, two by two.
template <typename Row>
WEFT_INLINE void round_tile(int64_t k, uint16_t* panel, Row&& row) {
  int64_t i = 0;
  for (; i + 2 <= k; i += 2) store_pairs(panel + i * 16, row(i), row(i + 1));
  if (i < k) store_pairs(panel + i * 16, row(i), zero());
}

// The tile as pairs: decoded to `panel`, or where it lies.
WEFT_INLINE const uint16_t* pairs_of(const PackedMatrix& w, int64_t tile, uint16_t* panel) {
  const char* data = w.data + tile * w.tile_bytes;
  switch (w.kind) {
    case kPackedBF16:
      return reinterpret_cast<const uint16_t*>(data);
    case kPackedF32:
      round_tile(w.k, panel, [&](int64_t k) { return load(floats(data) + k * 16); });
      break;
    case kPackedF16:
      round_tile(w.k, panel, [&](int64_t k) { return halves_to_floats(data + k * 32); });
      break;
    case kPackedU4:
      decode_tile<true>(w, tile, panel);
      break;
    default:
      decode_tile<false>(w, tile, panel);
  }
  // A last word holds anything past K.
  uint16_t* end = panel + w.k / 2 * 32;
  if (w.k % 2)
    for (int lane = 0; lane < 16; lane++) end[2 * lane + 1] = 0;
  end += w.k % 2 * 32;
  memset(end, 0, size_t(panel + rounded_k(w.k) * 16 - end) * sizeof *end);
  return panel;
}

WEFT_INLINE void round_row_to(const float* x, int64_t k, uint16_t* to) {
  int64_t i = 0;
  for (; i + 16 <= k; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                        (__m256i)_mm512_cvtneps_pbh((__m512)load(x + i).part[0]));
  for (; i < rounded_k(k); i += 16)
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(to + i),
        (__m256i)_mm512_cvtneps_pbh((__m512)(i < k ? load_n(x + i, k - i, 0) : zero()).part[0]));
}

// rounded_product() in steps of kRows rows. dots(rows, count, k32, pairs, sums) gives
// sums[2][kRows][16] of `count` rows and two tiles; it may read whole groups of kRoundedRows rows.
template <int64_t kRows, typename Dots>
WEFT_INLINE void rounded_product_of(const Product& p, int64_t begin, int64_t end, char* panel,
                                    Dots&& dots) {
  alignas(64) float sums[2 * kRows * 16];
  const int64_t k32 = rounded_k(p.w->k);
  uint16_t* panels[2] = {reinterpret_cast<uint16_t*>(panel),
                         reinterpret_cast<uint16_t*>(panel) + k32 * 16};
  const uint16_t* x = reinterpret_cast<const uint16_t*>(p.x);
  const bool gate = p.finish == kGate;
  for (int64_t tile = begin; tile < end; tile += gate ? 1 : 2) {
    const bool second = gate || tile + 1 < end;
    const uint16_t* pairs[2];
    pairs[0] = pairs[1] = pairs_of(*p.w, tile, panels[0]);
    if (second) pairs[1] = pairs_of(gate ? *p.gated : *p.w, gate ? tile : tile + 1, panels[1]);
    for (int64_t row = 0; row < p.rows; row += kRows) {
      const int64_t count = p.rows - row < kRows ? p.rows - row : kRows;
      dots(x + row * k32, count, k32, pairs, sums);
      if (gate) {
        finish_gate(p, tile, row, count, sums, sums + kRows * 16);
        continue;
      }
      finish(p, tile, row, count, sums);
      if (second) finish(p, tile + 1, row, count, sums + kRows * 16);
    }
  }
}

}  // namespace weft::cpu::WEFT_ISA
