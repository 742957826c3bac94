// y = exp(x - max(x)) / sum(exp(x - max(x))), row by row; one row of n per work-group.
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void softmax(global const float* x,
                                                                       long x_at, global float* y,
                                                                       long y_at, long rows,
                                                                       int n) {
  local float shared[GROUP];
  const long row = GROUP_ID(0);
  x += x_at + row * n;
  y += y_at + row * n;
  float mine = -INFINITY;
  for (int i = get_local_id(0); i < n; i += GROUP) mine = fmax(mine, x[i]);
  const float most = group_max(shared, mine);
  float partial = 0;
  for (int i = get_local_id(0); i < n; i += GROUP) partial += exp(x[i] - most);
  const float factor = 1.0f / group_sum(shared, partial);
  for (int i = get_local_id(0); i < n; i += GROUP) y[i] = exp(x[i] - most) * factor;
}
