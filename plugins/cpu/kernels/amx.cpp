// Products of bfloat16 on AMX: 32 rows by 32 columns in four tiles of sums, two of rows and two of
// weights, so that each load feeds two products.
#include "plugins/cpu/kernels/rounded.h"
#include "plugins/cpu/kernels/tiles.h"

namespace weft::cpu::WEFT_ISA {

namespace {

static_assert(kRoundedRows == 32);

void dots(const uint16_t* x, int64_t, int64_t k32, const uint16_t* const (&w)[2], float* sums) {
  const int64_t row = k32 * 2;
  see_memory();
  WEFT_TILE_ZERO(0);
  WEFT_TILE_ZERO(1);
  WEFT_TILE_ZERO(2);
  WEFT_TILE_ZERO(3);
  for (int64_t k = 0; k < k32; k += 32) {
    WEFT_TILE_LOAD(4, x + k, row);
    WEFT_TILE_LOAD(6, w[0] + k * 16, 64);
    WEFT_TILE_LOAD(7, w[1] + k * 16, 64);
    WEFT_TILE_LOAD(5, x + 16 * k32 + k, row);
    WEFT_TILE_DOT(0, 4, 6);
    WEFT_TILE_DOT(1, 4, 7);
    WEFT_TILE_DOT(2, 5, 6);
    WEFT_TILE_DOT(3, 5, 7);
  }
  WEFT_TILE_STORE(0, sums, 64);
  WEFT_TILE_STORE(2, sums + 16 * 16, 64);
  WEFT_TILE_STORE(1, sums + 32 * 16, 64);
  WEFT_TILE_STORE(3, sums + 48 * 16, 64);
}

void rounded_product(const Product& p, int64_t begin, int64_t end, char* panel) {
  open_tiles();
  rounded_product_of<kRoundedRows>(p, begin, end, panel, dots);
  close_tiles();
}

}  // namespace

void install_amx(Kernels& table) {
  table.round_row = [](const float* x, int64_t k, uint16_t* to) { round_row_to(x, k, to); };
  table.rounded_product = rounded_product;
  table.rounding_is_fastest = true;
}

}  // namespace weft::cpu::WEFT_ISA
