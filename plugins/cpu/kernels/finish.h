// What becomes of the sums of a tile: stored, joined, or a gate's. For kernel files only, like
// vec.h.
#pragma once

#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

WEFT_INLINE void store_columns(float* to, vf value, int64_t lanes) {
  if (lanes >= 16) {
    store(to, value);
  } else {
    store_n(to, value, lanes);
  }
}

// Rows of y from `row` on, of one tile's columns; `rows` of records.
WEFT_INLINE void finish(const Product& p, int64_t tile, int64_t row, int64_t rows,
                        const float* sums) {
  const int64_t column = tile * 16, lanes = p.w->n - column;
  for (int64_t r = 0; r < rows; r += p.terms, row++) {
    vf value = load(sums + r * 16);
    if (p.terms == 2) value = value + load(sums + (r + 1) * 16);
    if (p.finish == kJoin) {
      const float* other = p.other + row * p.other_row + column;
      value = value + (lanes >= 16 ? load(other) : load_n(other, lanes, 0));
    }
    store_columns(p.y + row * p.y_row + column, value, lanes);
  }
}

WEFT_INLINE void finish_gate(const Product& p, int64_t tile, int64_t row, int64_t rows, float* gate,
                             float* up) {
  const int64_t column = tile * 16, lanes = p.w->n - column;
  if (p.terms == 2) {
    rows /= 2;
    for (int64_t r = 0; r < rows; r++) {
      store(gate + r * 16, load(gate + 2 * r * 16) + load(gate + (2 * r + 1) * 16));
      store(up + r * 16, load(up + 2 * r * 16) + load(up + (2 * r + 1) * 16));
    }
  }
  p.activate(p.activation, rows * 16, gate, gate, p.alpha);
  for (int64_t r = 0; r < rows; r++)
    store_columns(p.y + (row + r) * p.y_row + column, load(gate + r * 16) * load(up + r * 16),
                  lanes);
}

}  // namespace weft::cpu::WEFT_ISA
