// The register tile every product is made of: rows x (tiles of 16 columns), k ascending.
//
//   c[r][t] = (first ? 0 : c[r][t]);  for k: c[r][t] = fma(b[k][t], a[r][k], c[r][t])
//
// Included by kernel files only; like vec.h, everything has internal linkage.
#pragma once

#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

// Registers: 32 of 512 bits hold 12 x 2 sums; 16 of 256 bits hold 6 x 1; 16 of 128 bits hold 2 x 1.
#if defined(__AVX512F__)
constexpr int kMicroRows = 12, kMicroTiles = 2;
#elif defined(__AVX2__)
constexpr int kMicroRows = 6, kMicroTiles = 1;
#else
constexpr int kMicroRows = 2, kMicroTiles = 1;
#endif

struct Micro {
  const float* a;
  int64_t a_row;
  const float* b;
  int64_t b_k, b_tile;  // strides in floats
  float* c;
  int64_t c_row;
  int64_t k;
  bool first;
};

// Whole tiles only: nothing but the loop, so that the sums stay in registers.
template <int R, int T>
static void micro_tile(const Micro& m) {
  vf acc[R][T];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) acc[r][t] = m.first ? zero() : load(m.c + r * m.c_row + t * 16);
  const float* a[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) a[r] = m.a + r * m.a_row;
  const float* b = m.b;
  for (int64_t k = 0; k < m.k; k++) {
    vf w[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) w[t] = load(b + t * m.b_tile);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const vf x = set1(a[r][k]);
#pragma GCC unroll 4
      for (int t = 0; t < T; t++) acc[r][t] = fma(w[t], x, acc[r][t]);
    }
    b += m.b_k;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int t = 0; t < T; t++) store(m.c + r * m.c_row + t * 16, acc[r][t]);
}

using MicroFn = void (*)(const Micro&);

template <int T>
WEFT_INLINE MicroFn micro_of(int64_t rows) {
  switch (rows) {
    case 1:
      return micro_tile<1, T>;
    case 2:
      return micro_tile<2, T>;
#if defined(__AVX2__)
    case 3:
      return micro_tile<3, T>;
    case 4:
      return micro_tile<4, T>;
    case 5:
      return micro_tile<5, T>;
    case 6:
      return micro_tile<6, T>;
#endif
#if defined(__AVX512F__)
    case 7:
      return micro_tile<7, T>;
    case 8:
      return micro_tile<8, T>;
    case 9:
      return micro_tile<9, T>;
    case 10:
      return micro_tile<10, T>;
    case 11:
      return micro_tile<11, T>;
    default:
      return micro_tile<12, T>;
#elif defined(__AVX2__)
    default:
      return micro_tile<6, T>;
#else
    default:
      return micro_tile<2, T>;
#endif
  }
}

// Rows of tiles of which the last is not whole, by way of a copy.
static void ragged(Micro m, MicroFn run, int64_t rows, int64_t columns) {
  float copy[kMicroRows * kMicroTiles * 16];
  float* const c = m.c;
  const size_t bytes = size_t(columns) * sizeof(float);
  constexpr int64_t kRow = kMicroTiles * 16;
  for (int64_t r = 0; r < rows && !m.first; r++) memcpy(copy + r * kRow, c + r * m.c_row, bytes);
  const int64_t c_row = m.c_row;
  m.c = copy;
  m.c_row = kRow;
  run(m);
  for (int64_t r = 0; r < rows; r++) memcpy(c + r * c_row, copy + r * kRow, bytes);
}

// c[rows, columns] (+)= a[rows, k] . b[k, columns]; b is `columns` wide in tiles of 16 that lie
// b_tile apart, and readable to the end of the last tile.
static void multiply(Micro m, int64_t rows, int64_t columns) {
  float* const c = m.c;
  const float* const a = m.a;
  for (int64_t col = 0; col < columns;) {
    const bool pair = kMicroTiles == 2 && columns - col > 16;
    const int64_t width = pair ? 32 : 16, left = columns - col;
    for (int64_t row = 0; row < rows; row += kMicroRows) {
      const int64_t some = rows - row < kMicroRows ? rows - row : kMicroRows;
      const MicroFn run = pair ? micro_of<kMicroTiles>(some) : micro_of<1>(some);
      m.a = a + row * m.a_row;
      m.c = c + row * m.c_row + col;
      if (left >= width) {
        run(m);
      } else {
        ragged(m, run, some, left);
      }
    }
    m.b += (pair ? 2 : 1) * m.b_tile;
    col += width;
  }
}

}  // namespace weft::cpu::WEFT_ISA
