// Updates written to computed places, one after the other by one work-item: places may repeat.
//
//   how   0 the update, 1 the sum of old and update, 2 the product, 3 the larger, 4 the smaller
void update_item(global uchar* y, long to, global const uchar* updates, long from, int item,
                 int how) {
  if (is_real(item)) {
    const float old = load_real(y, to, item), v = load_real(updates, from, item);
    const float now = how == 1   ? old + v
                      : how == 2 ? old * v
                      : how == 3 ? (old > v ? old : v)
                      : how == 4 ? (old < v ? old : v)
                                 : v;
    store_real(y, to, item, now);
  } else {
    const long old = load_integer(y, to, item), v = load_integer(updates, from, item);
    const long now = how == 1   ? old + v
                     : how == 2 ? old * v
                     : how == 3 ? max(old, v)
                     : how == 4 ? min(old, v)
                                : v;
    store_integer(y, to, item, now);
  }
}

// Update i goes to the place of i, but for one axis, along which indices[i] counts.
kernel void scatter_elements(global const uchar* indices, long indices_at, int indices_item,
                             global const uchar* updates, long updates_at, global uchar* y,
                             long y_at, long n, long size, long step, long8 shape, long8 stride,
                             int item, int how) {
  for (long i = 0; i < n; i++) {
    const long index = index_of(load_integer(indices, indices_at + i, indices_item), size);
    const long to = y_at + place(i, shape, stride) + index * step;
    update_item(y, to, updates, updates_at + i, item, how);
  }
}

// Piece i, `size` elements, goes where the `depth` indices of row i say.
kernel void scatter_nd(global const uchar* indices, long indices_at, int indices_item,
                       global const uchar* updates, long updates_at, global uchar* y, long y_at,
                       long pieces, int depth, long size, long8 shape, long8 stride, int item,
                       int how) {
  long dims[8], steps[8];
  vstore8(shape, 0, dims);
  vstore8(stride, 0, steps);
  for (long i = 0; i < pieces; i++) {
    long to = y_at;
    for (int d = 0; d < depth; d++)
      to += index_of(load_integer(indices, indices_at + i * depth + d, indices_item), dims[d]) *
            steps[d];
    for (long j = 0; j < size; j++)
      update_item(y, to + j, updates, updates_at + i * size + j, item, how);
  }
}
