// y [batch, m, n] = a [batch, m, k] by b [batch, k, n]; a_step and b_step are the elements from one
// batch to the next, 0 where one operand serves all.
//
// Global size (blocks of sixteen columns, m, batches).
kernel void matmul_batched(global const float* a, long a_at, long a_step, global const float* b,
                           long b_at, long b_step, global float* y, long y_at, int m, int k,
                           int n) {
  const int column = get_global_id(0) * PANEL, row = get_global_id(1);
  const long batch = get_global_id(2);
  if (row >= m || column >= n) return;
  a += a_at + batch * a_step + (long)row * k;
  b += b_at + batch * b_step + column;
  y += y_at + (batch * m + row) * n + column;
  const int columns = min(PANEL, n - column);
  if (columns == PANEL) {
    float16 c = 0;
    for (int j = 0; j < k; j++) c = fma(a[j], vload16(0, b + (long)j * n), c);
    vstore16(c, 0, y);
  } else {
    for (int i = 0; i < columns; i++) {
      float c = 0;
      for (int j = 0; j < k; j++) c = fma(a[j], b[(long)j * n + i], c);
      y[i] = c;
    }
  }
}
