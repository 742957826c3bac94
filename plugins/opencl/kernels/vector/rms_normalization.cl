// y = x / sqrt(mean(x^2) + epsilon) * scale, row by row; one row of n per work-item.
kernel void rms_normalization(global const float* x, long x_at, global const float* scale,
                              long scale_at, global float* y, long y_at, long rows, int n,
                              float epsilon) {
  const long row = get_global_id(0);
  if (row >= rows) return;
  x += x_at + row * n;
  y += y_at + row * n;
  scale += scale_at;
  float16 squares = 0;
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const float16 v = vload16(0, x + i);
    squares = fma(v, v, squares);
  }
  float sum = sum16(squares);
  for (; i < n; i++) sum = fma(x[i], x[i], sum);
  const float factor = 1.0f / sqrt(sum / n + epsilon);
  for (i = 0; i + 16 <= n; i += 16)
    vstore16(vload16(0, x + i) * factor * vload16(0, scale + i), 0, y + i);
  for (; i < n; i++) y[i] = x[i] * factor * scale[i];
}
