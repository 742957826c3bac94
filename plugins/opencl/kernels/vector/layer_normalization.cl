// y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias; one row of n per work-item.
// The variance is taken of the differences, so that a large mean does not swallow it.
kernel void layer_normalization(global const float* x, long x_at, global const float* scale,
                                long scale_at, global const float* bias, long bias_at,
                                int has_bias, global float* y, long y_at, long rows, int n,
                                float epsilon) {
  const long row = get_global_id(0);
  if (row >= rows) return;
  x += x_at + row * n;
  y += y_at + row * n;
  scale += scale_at;
  bias += bias_at;
  float16 partial = 0;
  int i = 0;
  for (; i + 16 <= n; i += 16) partial += vload16(0, x + i);
  float sum = sum16(partial);
  for (; i < n; i++) sum += x[i];
  const float mean = sum / n;
  partial = 0;
  for (i = 0; i + 16 <= n; i += 16) {
    const float16 d = vload16(0, x + i) - mean;
    partial = fma(d, d, partial);
  }
  sum = sum16(partial);
  for (; i < n; i++) sum = fma(x[i] - mean, x[i] - mean, sum);
  const float factor = 1.0f / sqrt(sum / n + epsilon);
  for (i = 0; i + 16 <= n; i += 16) {
    float16 v = (vload16(0, x + i) - mean) * factor * vload16(0, scale + i);
    if (has_bias) v += vload16(0, bias + i);
    vstore16(v, 0, y + i);
  }
  for (; i < n; i++) y[i] = (x[i] - mean) * factor * scale[i] + (has_bias ? bias[i] : 0.0f);
}
