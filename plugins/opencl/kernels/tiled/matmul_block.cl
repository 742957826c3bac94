// y [m, n] = x [m, k] by a packed weight: a block of `tall` rows and `wide` columns per work-group
// of 16 x 16 items, DEPTH of k at a time through local memory. The sizes are constants of each
// kernel, which a compiler folds; the device's tuner chooses among the kernels.
//
//   matmul_block_64   64 x 64    16.3 KiB of local memory
//   matmul_block_32   32 x 32     8.2 KiB: more groups, where a product has few rows or columns
//   matmul_block_128  128 x 64    24.3 KiB: each value is read less often
//
// The columns of a block are whole panels; each of their words is decoded once for all rows. An
// item's rows and columns lie 16 apart, so stores are contiguous over the items. Every result is
// summed over k in order, so the kernels agree to the bit.
#define SIDE 16
#define MOST_TALL (128 / SIDE)
#define MOST_WIDE (64 / SIDE)

// Rows of x, k by k: `a` is [DEPTH][tall + 1], so that items that store one k after another meet
// different banks.
void load_rows(global const float* x, local float* a, int k, int m, int row, int depth, int tall) {
  const int id = get_local_id(1) * SIDE + get_local_id(0);
  for (int e = id; e < tall * DEPTH; e += SIDE * SIDE) {
    const int r = e / DEPTH, d = e % DEPTH;
    const bool inside = row + r < m && depth + d < k;
    a[d * (tall + 1) + r] = inside ? x[(long)(row + r) * k + depth + d] : 0.0f;
  }
}

// Decoded columns: `b` is [DEPTH][wide].
void load_columns(global const uint* w, local float* b, Weight f, int column, int depth, int wide) {
  const int id = get_local_id(1) * SIDE + get_local_id(0);
  for (int e = id; e < wide * DEPTH / 8; e += SIDE * SIDE) {
    const int lane = e % PANEL, group = e / PANEL % (DEPTH / 8), panel = e / (PANEL * DEPTH / 8);
    float d[8];
    for (int i = 0; i < 8; i++) d[i] = 0.0f;
    if (column + panel * PANEL < f.columns && depth + group * 8 < f.k)
      decode_column(w + (long)(column / PANEL + panel) * f.panel_words, f, depth / 8 + group, lane,
                    d);
    for (int i = 0; i < 8; i++) b[(group * 8 + i) * wide + panel * PANEL + lane] = d[i];
  }
}

void multiply_block(global const float* x, global const uint* w, global float* y, Weight f, int m,
                    int row, int column, local float* a, local float* b, const int tall,
                    const int wide) {
  const int lx = get_local_id(0), ly = get_local_id(1);
  float c[MOST_TALL][MOST_WIDE];
  for (int i = 0; i < tall / SIDE; i++)
    for (int j = 0; j < wide / SIDE; j++) c[i][j] = 0.0f;
  for (int depth = 0; depth < f.k; depth += DEPTH) {
    load_rows(x, a, f.k, m, row, depth, tall);
    load_columns(w, b, f, column, depth, wide);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int d = 0; d < DEPTH; d++)
      for (int i = 0; i < tall / SIDE; i++) {
        const float v = a[d * (tall + 1) + ly + i * SIDE];
        for (int j = 0; j < wide / SIDE; j++)
          c[i][j] = fma(v, b[d * wide + lx + j * SIDE], c[i][j]);
      }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < tall / SIDE; i++)
    for (int j = 0; j < wide / SIDE; j++) {
      const int r = row + ly + i * SIDE, s = column + lx + j * SIDE;
      if (r < m && s < f.columns) y[(long)r * f.stride + s] = c[i][j];
    }
}

#define BLOCKS(name, TALL, WIDE)                                                              \
  kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void name(                      \
      global const float* x, long x_at, global const uint* w, global float* y, long y_at,     \
      Weight f, int m) {                                                                      \
    local float a[DEPTH * (TALL + 1)], b[DEPTH * WIDE];                                       \
    multiply_block(x + x_at, w, y + y_at + f.first, f, m, GROUP_ID(1) * TALL,                 \
                   GROUP_ID(0) * WIDE, a, b, TALL, WIDE);                                     \
  }

BLOCKS(matmul_block_64, 64, 64)
BLOCKS(matmul_block_32, 32, 32)
BLOCKS(matmul_block_128, 128, 64)
