// y [n] = x [k] by a packed weight [n / PANEL][k][PANEL]: one panel per work-item.
//
// One row has no reuse, so the weight's bytes are the time; four accumulators keep enough loads in
// flight.
kernel void matmul_row(global const float* x, long x_at, global const float* w, long w_at,
                       global float* y, long y_at, int k, int n) {
  const int panel = get_global_id(0);
  if (panel * PANEL >= n) return;
  x += x_at;
  w += w_at + (long)panel * k * PANEL;
  float16 c0 = 0, c1 = 0, c2 = 0, c3 = 0;
  int j = 0;
  for (; j + 4 <= k; j += 4) {
    c0 = fma(x[j], vload16(j, w), c0);
    c1 = fma(x[j + 1], vload16(j + 1, w), c1);
    c2 = fma(x[j + 2], vload16(j + 2, w), c2);
    c3 = fma(x[j + 3], vload16(j + 3, w), c3);
  }
  for (; j < k; j++) c0 = fma(x[j], vload16(j, w), c0);
  const float16 sum = (c0 + c1) + (c2 + c3);
  const int columns = min(PANEL, n - panel * PANEL);
  if (columns == PANEL) {
    vstore16(sum, panel, y + y_at);
  } else {
    store_some(sum, columns, y + y_at + panel * PANEL);
  }
}
