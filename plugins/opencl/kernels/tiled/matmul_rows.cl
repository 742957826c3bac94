// y [m, n] = x [m, k] by a packed weight [n / PANEL][k][PANEL]: a block of TILE x TILE per
// work-group of (TILE / 4) x (TILE / 4) items, 4 x 4 results each, DEPTH of k at a time through
// local memory.
//
// 8 KiB of local memory. The columns of a block are whole panels, so a slice of the weight is read
// in runs of PANEL * DEPTH floats; an item's columns lie TILE / 4 apart, so stores are contiguous
// over the items.
#define SIDE (TILE / 4)

kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void matmul_rows(
    global const float* x, long x_at, global const float* w, long w_at, global float* y, long y_at,
    int m, int k, int n) {
  local float a[DEPTH][TILE + 1];
  local float b[DEPTH][TILE];
  const int lx = get_local_id(0), ly = get_local_id(1), id = ly * SIDE + lx;
  const int column = GROUP_ID(0) * TILE, row = GROUP_ID(1) * TILE;
  x += x_at;
  w += w_at;
  float c[4][4];
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) c[i][j] = 0.0f;
  for (int depth = 0; depth < k; depth += DEPTH) {
    for (int e = id; e < TILE * DEPTH; e += SIDE * SIDE) {
      const int r = e / DEPTH, d = e % DEPTH;
      const bool inside = row + r < m && depth + d < k;
      a[d][r] = inside ? x[(long)(row + r) * k + depth + d] : 0.0f;
    }
    for (int e = id; e < TILE * DEPTH; e += SIDE * SIDE) {
      const int p = e / (DEPTH * PANEL), d = e / PANEL % DEPTH, l = e % PANEL;
      const bool inside = column + p * PANEL < n && depth + d < k;
      const long panel = column / PANEL + p;
      b[d][p * PANEL + l] = inside ? w[(panel * k + depth + d) * PANEL + l] : 0.0f;
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
      if (r < m && s < n) y[y_at + (long)r * n + s] = c[i][j];
    }
}
