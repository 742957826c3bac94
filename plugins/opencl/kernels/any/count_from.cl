// first, first + delta, ...: n integers, one per work-item. The positions of a run are such.
kernel void count_from(global uchar* y, long y_at, long n, long first, long delta, int item) {
  const long i = get_global_id(0);
  if (i < n) store_integer(y, y_at + i, item, first + i * delta);
}
