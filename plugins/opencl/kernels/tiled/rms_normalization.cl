// y = x / sqrt(mean(x^2) + epsilon) * scale, row by row; one row of n per work-group.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void rms_normalization(
    global const float* x, long x_at, global const float* scale, long scale_at, global float* y,
    long y_at, long rows, int n, float epsilon) {
  local float shared[GROUP];
  const long row = GROUP_ID(0);
  x += x_at + row * n;
  y += y_at + row * n;
  float squares = 0;
  for (int i = get_local_id(0); i < n; i += GROUP) squares = fma(x[i], x[i], squares);
  const float factor = 1.0f / sqrt(group_sum(shared, squares) / n + epsilon);
  for (int i = get_local_id(0); i < n; i += GROUP) y[i] = x[i] * factor * scale[scale_at + i];
}
