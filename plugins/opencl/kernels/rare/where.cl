// y = c ? a : b, broadcast to the output; n elements of 1, 2, 4 or 8 bytes, one per work-item.
kernel void where(global const uchar* c, long c_at, global const uchar* a, long a_at,
                  global const uchar* b, long b_at, global uchar* y, long y_at, long n, int item,
                  long8 shape, long8 c_stride, long8 a_stride, long8 b_stride) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const bool first = c[c_at + place(i, shape, c_stride)] != 0;
  global const uchar* from = first ? a : b;
  const long at = first ? a_at + place(i, shape, a_stride) : b_at + place(i, shape, b_stride);
  move_item(from, at, y, y_at + i, item);
}
