// s = a + b, y = s / sqrt(mean(s^2) + epsilon) * scale, row by row; one row of n per work-item. The
// order of the sums is that of rms_normalization.
kernel void skip_normalization(global const float* a, long a_at, global const float* b, long b_at,
                               global float* s, long s_at, int has_sum, global const float* scale,
                               long scale_at, global float* y, long y_at, long rows, int n,
                               float epsilon) {
  const long row = get_global_id(0);
  if (row >= rows) return;
  a += a_at + row * n;
  b += b_at + row * n;
  s += s_at + row * n;
  y += y_at + row * n;
  scale += scale_at;
  float16 squares = 0;
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const float16 v = vload16(0, a + i) + vload16(0, b + i);
    if (has_sum) vstore16(v, 0, s + i);
    squares = fma(v, v, squares);
  }
  float sum = sum16(squares);
  for (; i < n; i++) {
    const float v = a[i] + b[i];
    if (has_sum) s[i] = v;
    sum = fma(v, v, sum);
  }
  const float factor = 1.0f / sqrt(sum / n + epsilon);
  for (i = 0; i + 16 <= n; i += 16)
    vstore16((vload16(0, a + i) + vload16(0, b + i)) * factor * vload16(0, scale + i), 0, y + i);
  for (; i < n; i++) y[i] = (a[i] + b[i]) * factor * scale[i];
}
