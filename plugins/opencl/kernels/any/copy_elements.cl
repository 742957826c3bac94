// Elements of any size from one strided view to another; offsets and strides in elements.
kernel void copy_elements(global const uchar* from, long from_at, global uchar* to, long to_at,
                          long8 shape, long8 from_stride, long8 to_stride, long n, int item) {
  const size_t i = get_global_id(0);
  if (i >= (size_t)n) return;
  long dims[8], source[8], target[8];
  vstore8(shape, 0, dims);
  vstore8(from_stride, 0, source);
  vstore8(to_stride, 0, target);
  long rest = (long)i;
  for (int d = 7; d >= 0; d--) {
    const long at = rest % dims[d];
    rest /= dims[d];
    from_at += at * source[d];
    to_at += at * target[d];
  }
  for (int byte = 0; byte < item; byte++) to[to_at * item + byte] = from[from_at * item + byte];
}
