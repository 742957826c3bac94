// y [m, n] = x [m, k] by a packed weight: a block of TILE x TILE per work-group of
// (TILE / 4) x (TILE / 4) items, 4 x 4 results each, DEPTH of k at a time through local memory.
//
// 16.5 KiB of local memory. The columns of a block are whole panels; each of their words is decoded
// once for the TILE rows. An item's columns lie TILE / 4 apart, so stores are contiguous over the
// items.
#define SIDE (TILE / 4)

kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void matmul_rows(
    global const float* x, long x_at, global const uint* w, global float* y, long y_at, Weight f,
    int m) {
  local float a[DEPTH][TILE + 1];
  local float b[DEPTH][TILE];
  const int lx = get_local_id(0), ly = get_local_id(1), id = ly * SIDE + lx;
  const int column = GROUP_ID(0) * TILE, row = GROUP_ID(1) * TILE;
  x += x_at;
  y += y_at + f.first;
  float c[4][4];
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) c[i][j] = 0.0f;
  for (int depth = 0; depth < f.k; depth += DEPTH) {
    for (int e = id; e < TILE * DEPTH; e += SIDE * SIDE) {
      const int r = e / DEPTH, d = e % DEPTH;
      const bool inside = row + r < m && depth + d < f.k;
      a[d][r] = inside ? x[(long)(row + r) * f.k + depth + d] : 0.0f;
    }
    for (int e = id; e < TILE * DEPTH / 8; e += SIDE * SIDE) {
      const int lane = e % PANEL, group = e / PANEL % (DEPTH / 8), panel = e / (PANEL * DEPTH / 8);
      float d[8];
      for (int i = 0; i < 8; i++) d[i] = 0.0f;
      if (column + panel * PANEL < f.columns && depth + group * 8 < f.k)
        decode_column(w + (long)(column / PANEL + panel) * f.panel_words, f, depth / 8 + group,
                      lane, d);
      for (int i = 0; i < 8; i++) b[group * 8 + i][panel * PANEL + lane] = d[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int d = 0; d < DEPTH; d++)
      for (int i = 0; i < 4; i++) {
        const float v = a[d][ly + i * SIDE];
        for (int j = 0; j < 4; j++) c[i][j] = fma(v, b[d][lx + j * SIDE], c[i][j]);
      }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      const int r = row + ly + i * SIDE, s = column + lx + j * SIDE;
      if (r < m && s < f.columns) y[(long)r * f.stride + s] = c[i][j];
    }
}
