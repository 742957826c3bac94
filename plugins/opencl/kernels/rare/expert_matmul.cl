// y [rows, n] = each row of x [rows / sharing, k] by the packed matrix of its expert
// [experts][n / PANEL][k][PANEL], plus the expert's bias. WIDTH columns per work-item, global size
// (blocks of columns, rows). An expert outside the stack means the nearest inside.
kernel void expert_matmul(global const float* x, long x_at, global const float* w, long w_at,
                          global const uchar* experts, long experts_at, int experts_item,
                          global const float* bias, long bias_at, int has_bias, global float* y,
                          long y_at, long stack, int k, int n, long sharing) {
  const int column = get_global_id(0) * WIDTH;
  const long row = get_global_id(1);
  if (column >= n) return;
  const long given = load_integer(experts, experts_at + row, experts_item);
  const long expert = clamp(given < 0 ? given + stack : given, 0L, stack - 1);
  const int panels = (n + PANEL - 1) / PANEL;
  x += x_at + row / sharing * k;
  w += w_at + (expert * panels + column / PANEL) * k * PANEL + column % PANEL;
  floatw c0 = 0, c1 = 0, c2 = 0, c3 = 0;
  int j = 0;
  for (; j + 4 <= k; j += 4) {
    c0 = fma((floatw)x[j], load_w(0, w + (long)j * PANEL), c0);
    c1 = fma((floatw)x[j + 1], load_w(0, w + (long)(j + 1) * PANEL), c1);
    c2 = fma((floatw)x[j + 2], load_w(0, w + (long)(j + 2) * PANEL), c2);
    c3 = fma((floatw)x[j + 3], load_w(0, w + (long)(j + 3) * PANEL), c3);
  }
  for (; j < k; j++) c0 = fma((floatw)x[j], load_w(0, w + (long)j * PANEL), c0);
  floatw sum = (c0 + c1) + (c2 + c3);
  const int count = min(WIDTH, n - column);
  bias += bias_at + expert * n + column;
  if (has_bias) sum += count == WIDTH ? load_w(0, bias) : load_few(bias, count);
  y += y_at + row * n + column;
  if (count == WIDTH) {
    store_w(sum, 0, y);
  } else {
    store_few(sum, count, y);
  }
}
