// Reading packed blocks: headers as vectors, a word's codes as weights. For kernel files only, like
// vec.h.
#pragma once

#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

WEFT_INLINE const float* floats(const char* p) { return reinterpret_cast<const float*>(p); }

WEFT_INLINE vf read_scales(const PackedMatrix& w, const char* block) {
  return w.half_scales ? halves_to_floats(block) : load(floats(block));
}
WEFT_INLINE vf read_offsets(const PackedMatrix& w, const char* block, vf scale) {
  const char* p = block + (w.half_scales ? 32 : 64);
  switch (w.offset_form) {
    case kOffsetF32:
      return load(floats(p));
    case kOffsetF16:
      return halves_to_floats(p);
    case kOffsetU8: {
      float points[16];
      for (int l = 0; l < 16; l++) points[l] = float(uint8_t(p[l]));
      return zero() - load(points) * scale;
    }
    default:
      return set1(float(-w.zero)) * scale;
  }
}

// The first block of a tile of codes, and how far it is from each to the next.
struct TileBlocks {
  const char* header;
  const char* words;
  int64_t step;       // from a block to the next
  int64_t word_step;  // from 16 columns' words to the next ones
};
WEFT_INLINE TileBlocks blocks_of(const PackedMatrix& w, int64_t tile) {
  const int64_t even = tile & ~int64_t{1}, odd = tile - even;
  const int64_t together = even + 1 < w.tiles ? 2 : 1;
  const char* pair = w.data + even * w.tile_bytes;
  return {pair + odd * w.header_bytes, pair + together * w.header_bytes + odd * 64,
          together * w.block_bytes, together * 64};
}

// The nibble of a word that holds its code k of eight.
constexpr int nibble_of(int k) { return k < 4 ? 2 * k : 2 * k - 7; }

// Code j of each lane's word.
template <bool nibbles, int j>
WEFT_INLINE vf code_of(vu words) {
  if constexpr (nibbles) return nibble_to_float<nibble_of(j)>(words);
  return byte_to_float<j & 3>(words);
}

// Row k of a tile of bf16, whose rows lie in pairs.
WEFT_INLINE vf row_of_pairs(const char* tile, int64_t k) {
  const vu both = load_u32(tile + k / 2 * 64);
  vf row;
  WEFT_PARTS(i)
  row.part[i] = (f32n)(k % 2 ? both.part[i] & 0xffff0000u : both.part[i] << 16);
  return row;
}

}  // namespace weft::cpu::WEFT_ISA
