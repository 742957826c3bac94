// y[i] = x at the place of i, but for one axis, along which indices[i] counts; one per work-item.
kernel void gather_elements(global const uchar* x, long x_at, global const uchar* indices,
                            long indices_at, int indices_item, global uchar* y, long y_at, long n,
                            long size, long step, long8 shape, long8 stride, int bytes) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const long index = index_of(load_integer(indices, indices_at + i, indices_item), size);
  move_item(x, x_at + place(i, shape, stride) + index * step, y, y_at + i, bytes);
}
