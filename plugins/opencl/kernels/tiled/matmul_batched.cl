// y [batch, m, n] = a [batch, m, k] by b [batch, k, n]; a_step and b_step are the elements from one
// batch to the next, 0 where one operand serves all.
//
// A block of 16 x 16 per work-group, 16 of k at a time through 2 KiB of local memory.
kernel __attribute__((reqd_work_group_size(16, 16, 1))) void matmul_batched(
    global const float* a, long a_at, long a_step, global const float* b, long b_at, long b_step,
    global float* y, long y_at, int m, int k, int n) {
  local float left[16][17];
  local float right[16][17];
  const int lx = get_local_id(0), ly = get_local_id(1);
  const int column = get_global_id(0), row = get_global_id(1);
  const long batch = get_global_id(2);
  a += a_at + batch * a_step;
  b += b_at + batch * b_step;
  float c = 0;
  for (int depth = 0; depth < k; depth += 16) {
    left[ly][lx] = row < m && depth + lx < k ? a[(long)row * k + depth + lx] : 0.0f;
    right[ly][lx] = column < n && depth + ly < k ? b[(long)(depth + ly) * n + column] : 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int d = 0; d < 16; d++) c = fma(left[ly][d], right[d][lx], c);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (row < m && column < n) y[y_at + (batch * m + row) * n + column] = c;
}
