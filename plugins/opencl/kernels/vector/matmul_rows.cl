// y [m, n] = x [m, k] by a packed weight [n / PANEL][k][PANEL]: a block of ROWS rows and one panel
// per work-item, global size (panels, blocks of rows).
//
// Eight accumulators of sixteen lanes hide the latency of fused multiply-add; a panel is read front
// to back. Rows past m repeat the last one and are not stored.
#define STEP(i) c##i = fma(a##i[j], b, c##i);
#define ROW(i) global const float* a##i = x + (long)min(i, last) * k;
#define KEEP(i)                                     \
  if (i <= last) {                                  \
    if (columns == PANEL) {                         \
      vstore16(c##i, 0, y + (long)(i) * n);         \
    } else {                                        \
      store_some(c##i, columns, y + (long)(i) * n); \
    }                                               \
  }

kernel void matmul_rows(global const float* x, long x_at, global const float* w, long w_at,
                        global float* y, long y_at, int m, int k, int n) {
  const int panel = get_global_id(0), row = get_global_id(1) * ROWS;
  if (row >= m || panel * PANEL >= n) return;
  const int last = min(ROWS, m - row) - 1, columns = min(PANEL, n - panel * PANEL);
  x += x_at + (long)row * k;
  w += w_at + (long)panel * k * PANEL;
  y += y_at + (long)row * n + panel * PANEL;
  ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7)
  float16 c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0;
  for (int j = 0; j < k; j++) {
    const float16 b = vload16(j, w);
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
  }
  KEEP(0) KEEP(1) KEEP(2) KEEP(3) KEEP(4) KEEP(5) KEEP(6) KEEP(7)
}
