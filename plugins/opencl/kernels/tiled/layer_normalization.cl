// y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias; one row of n per work-group.
// The variance is taken of the differences, so that a large mean does not swallow it.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void layer_normalization(
    global const float* x, long x_at, global const float* scale, long scale_at,
    global const float* bias, long bias_at, int has_bias, global float* y, long y_at, long rows,
    int n, float epsilon) {
  local float shared[GROUP];
  const long row = GROUP_ID(0);
  x += x_at + row * n;
  y += y_at + row * n;
  float partial = 0;
  for (int i = get_local_id(0); i < n; i += GROUP) partial += x[i];
  const float mean = group_sum(shared, partial) / n;
  partial = 0;
  for (int i = get_local_id(0); i < n; i += GROUP) {
    const float d = x[i] - mean;
    partial = fma(d, d, partial);
  }
  const float factor = 1.0f / sqrt(group_sum(shared, partial) / n + epsilon);
  for (int i = get_local_id(0); i < n; i += GROUP)
    y[i] = (x[i] - mean) * factor * scale[scale_at + i] + (has_bias ? bias[bias_at + i] : 0.0f);
}
