// y [outer, ids, inner] = x [outer, ids of size, inner], in units of 1 to 16 bytes, one per
// work-item; global size (inner, ids, outer). Steps in units.
kernel void gather(global const uchar* x, long x_at, global const uchar* ids, long ids_at,
                   int ids_item, global uchar* y, long y_at, long count, long size, long inner,
                   long outer_step, long step, long inner_step, int unit) {
  const long j = get_global_id(0), i = get_global_id(1), o = get_global_id(2);
  if (j >= inner) return;
  const long index = index_of(load_integer(ids, ids_at + i, ids_item), size);
  move_item(x, x_at + o * outer_step + index * step + j * inner_step, y,
            y_at + (o * count + i) * inner + j, unit);
}
