// The eight tile registers of AMX, 16 rows of 64 bytes each; or, where the instruction set lacks
// them, arrays that do what Intel's manual says of the instructions (Software Developer's Manual,
// volume 2, TDPBF16PS), so that the kernels can be tested anywhere. Tile numbers are literals.
//
//   open_tiles() .. close_tiles()     around any use, in the same thread
//   see_memory()                      between writing memory and loading tiles from it
//   WEFT_TILE_ZERO(t)  WEFT_TILE_LOAD(t, from, stride)  WEFT_TILE_STORE(t, to, stride)
//   WEFT_TILE_DOT(c, a, b)            c[16][16] += a[16][16 pairs] . b[16 pairs][16], bf16 in f32
//
// Palette 1 and its sizes are written out: some virtual machines have AMX but report no palettes.
#pragma once

#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

#if defined(__AMX_TILE__)

namespace {
struct alignas(64) TileConfig {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);
constexpr TileConfig kAllTiles = {
    1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
}  // namespace

WEFT_INLINE void open_tiles() {
  // GCC 12 tells its optimizer of the first bytes alone that the instruction reads.
  const TileConfig* config = &kAllTiles;
  __asm__ volatile("" : "+r"(config) : "m"(kAllTiles) : "memory");
  _tile_loadconfig(config);
}
WEFT_INLINE void close_tiles() { _tile_release(); }
// GCC 12's tile loads do not say that they read memory.
WEFT_INLINE void see_memory() { __asm__ volatile("" ::: "memory"); }

#define WEFT_TILE_ZERO(t) _tile_zero(t)
#define WEFT_TILE_LOAD(t, from, stride) _tile_loadd(t, from, stride)
#define WEFT_TILE_STORE(t, to, stride) _tile_stored(t, to, stride)
#define WEFT_TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)

#else

namespace {
struct Tile {
  char row[16][64];
};
thread_local Tile tiles[8];

WEFT_INLINE float bf16_at(const Tile& tile, int row, int element) {
  uint16_t half;
  memcpy(&half, tile.row[row] + 2 * element, sizeof half);
  const uint32_t bits = uint32_t(half) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

void multiply_tiles(Tile& c, const Tile& a, const Tile& b) {
  for (int m = 0; m < 16; m++)
    for (int n = 0; n < 16; n++) {
      float sum;
      memcpy(&sum, c.row[m] + 4 * n, sizeof sum);
      for (int k = 0; k < 16; k++) {
        sum += bf16_at(a, m, 2 * k) * bf16_at(b, k, 2 * n);
        sum += bf16_at(a, m, 2 * k + 1) * bf16_at(b, k, 2 * n + 1);
      }
      memcpy(c.row[m] + 4 * n, &sum, sizeof sum);
    }
}
void load_tile(Tile& tile, const void* from, int64_t stride) {
  for (int64_t i = 0; i < 16; i++)
    memcpy(tile.row[i], static_cast<const char*>(from) + i * stride, 64);
}
void store_tile(const Tile& tile, void* to, int64_t stride) {
  for (int64_t i = 0; i < 16; i++) memcpy(static_cast<char*>(to) + i * stride, tile.row[i], 64);
}
}  // namespace

WEFT_INLINE void open_tiles() {}
WEFT_INLINE void close_tiles() {}
WEFT_INLINE void see_memory() {}

#define WEFT_TILE_ZERO(t) memset(&tiles[t], 0, sizeof(Tile))
#define WEFT_TILE_LOAD(t, from, stride) load_tile(tiles[t], from, stride)
#define WEFT_TILE_STORE(t, to, stride) store_tile(tiles[t], to, stride)
#define WEFT_TILE_DOT(c, a, b) multiply_tiles(tiles[c], tiles[a], tiles[b])

#endif

}  // namespace weft::cpu::WEFT_ISA
