// Elements of 1, 2, 4, 8 or 16 bytes from one strided view to another; offsets and strides in
// elements. The host makes elements as large as the strides allow.
kernel void copy_elements(global const uchar* from, long from_at, global uchar* to, long to_at,
                          long8 shape, long8 from_stride, long8 to_stride, long n, int item) {
  const long i = get_global_id(0);
  if (i >= n) return;
  move_item(from, from_at + place(i, shape, from_stride), to, to_at + place(i, shape, to_stride),
            item);
}
