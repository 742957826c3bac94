// Products of bytes, exact in 32 bits: sums of (a - a_zero) (b - b_zero), one per work-item, global
// size (columns, rows, matrices). With `back` they become codes again:
//
//   y = saturate(round_even(sum * (a_scale * b_scale / y_scale)) + y_zero)
//
// A zero point or scale is one for all, or one per row of a (per column of b): its step is 0 or 1.
kernel void matmul_integer(global const uchar* a, long a_at, int a_item, global const uchar* b,
                           long b_at, int b_item, global const uchar* a_zero, long a_zero_at,
                           global const uchar* b_zero, long b_zero_at, global uchar* y, long y_at,
                           int y_item, long rows, long columns, long depth, long8 shape,
                           long8 a_stride, long8 b_stride, int8 steps, int has_zeros, int back,
                           global const float* a_scale, long a_scale_at,
                           global const float* b_scale, long b_scale_at,
                           global const float* y_scale, long y_scale_at, global const uchar* y_zero,
                           long y_zero_at) {
  const long column = get_global_id(0), row = get_global_id(1), matrix = get_global_id(2);
  if (column >= columns) return;
  a_at += place(matrix, shape, a_stride) + row * depth;
  b_at += place(matrix, shape, b_stride) + column;
  const int left =
      has_zeros & 1 ? (int)load_integer(a_zero, a_zero_at + row * steps.s0, a_item) : 0;
  const int right =
      has_zeros & 2 ? (int)load_integer(b_zero, b_zero_at + column * steps.s1, b_item) : 0;
  int sum = 0;
  for (long k = 0; k < depth; k++)
    sum += ((int)load_integer(a, a_at + k, a_item) - left) *
           ((int)load_integer(b, b_at + k * columns, b_item) - right);
  const long to = y_at + (matrix * rows + row) * columns + column;
  if (back) {
    const float product =
        a_scale[a_scale_at + row * steps.s2] * b_scale[b_scale_at + column * steps.s3];
    const float zero =
        has_zeros & 4 ? (float)load_integer(y_zero, y_zero_at + row * steps.s5, y_item) : 0.0f;
    store_integer(
        y, to, y_item,
        code_of((float)sum * (product / y_scale[y_scale_at + row * steps.s4]), zero, y_item));
  } else {
    store_integer(y, to, y_item, sum);
  }
}
