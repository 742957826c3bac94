// y [n] = x [k] by a packed weight [n / PANEL][k][PANEL]: one panel per work-group of
// PANEL * SLICES items, each with one column and every SLICES-th k.
//
// Neighbouring items read neighbouring floats of the panel, so a group reads it in runs of
// PANEL * SLICES floats, and the slices of a column meet in local memory.
kernel __attribute__((reqd_work_group_size(PANEL * SLICES, 1, 1))) void matmul_row(
    global const float* x, long x_at, global const float* w, long w_at, global float* y, long y_at,
    int k, int n) {
  local float partial[SLICES][PANEL];
  const int lane = get_local_id(0) % PANEL, slice = get_local_id(0) / PANEL;
  const int panel = GROUP_ID(0);
  x += x_at;
  w += w_at + (long)panel * k * PANEL;
  float sum = 0;
  for (int j = slice; j < k; j += SLICES) sum = fma(x[j], w[(long)j * PANEL + lane], sum);
  partial[slice][lane] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  const int column = panel * PANEL + lane;
  if (slice == 0 && column < n) {
    for (int s = 1; s < SLICES; s++) sum += partial[s][lane];
    y[y_at + column] = sum;
  }
}
