// s = a + b, y = s / sqrt(mean(s^2) + epsilon) * scale, row by row; one row of n per work-group.
// The order of the sums is that of rms_normalization.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void skip_normalization(
    global const float* a, long a_at, global const float* b, long b_at, global float* s, long s_at,
    int has_sum, global const float* scale, long scale_at, global float* y, long y_at, long rows,
    int n, float epsilon) {
  local float shared[GROUP];
  const long row = get_group_id(0);
  a += a_at + row * n;
  b += b_at + row * n;
  s += s_at + row * n;
  y += y_at + row * n;
  float squares = 0;
  for (int i = get_local_id(0); i < n; i += GROUP) {
    const float v = a[i] + b[i];
    if (has_sum) s[i] = v;
    squares = fma(v, v, squares);
  }
  const float factor = 1.0f / sqrt(group_sum(shared, squares) / n + epsilon);
  for (int i = get_local_id(0); i < n; i += GROUP)
    y[i] = (a[i] + b[i]) * factor * scale[scale_at + i];
}
