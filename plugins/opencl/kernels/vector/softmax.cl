// y = exp(x - max(x)) / sum(exp(x - max(x))), row by row; one row of n per work-item.
kernel void softmax(global const float* x, long x_at, global float* y, long y_at, long rows,
                    int n) {
  const long row = get_global_id(0);
  if (row >= rows) return;
  x += x_at + row * n;
  y += y_at + row * n;
  float most = -INFINITY;
  int i = 0;
  if (n >= 16) {
    float16 best = vload16(0, x);
    for (i = 16; i + 16 <= n; i += 16) best = fmax(best, vload16(0, x + i));
    most = max16(best);
  }
  for (; i < n; i++) most = fmax(most, x[i]);
  float16 partial = 0;
  for (i = 0; i + 16 <= n; i += 16) {
    const float16 e = exp(vload16(0, x + i) - most);
    partial += e;
    vstore16(e, 0, y + i);
  }
  float sum = sum16(partial);
  for (; i < n; i++) {
    const float e = exp(x[i] - most);
    sum += e;
    y[i] = e;
  }
  const float factor = 1.0f / sum;
  for (i = 0; i + 16 <= n; i += 16) vstore16(vload16(0, y + i) * factor, 0, y + i);
  for (; i < n; i++) y[i] *= factor;
}
