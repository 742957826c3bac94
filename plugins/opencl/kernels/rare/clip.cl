// min(max(x, low), high), where either bound may be absent; what both exclude is high, and a NaN
// stays. n floats or integers, one per work-item.
kernel void clip(global const uchar* x, long x_at, global const uchar* low, long low_at,
                 int has_low, global const uchar* high, long high_at, int has_high, global uchar* y,
                 long y_at, long n, int item) {
  const long i = get_global_id(0);
  if (i >= n) return;
  if (item == ITEM_F32) {
    float v = load_real(x, x_at + i, item);
    const float least = load_real(low, low_at, item), most = load_real(high, high_at, item);
    if (has_low && v < least) v = least;
    if (has_high && v > most) v = most;
    store_real(y, y_at + i, item, v);
  } else {
    long v = load_integer(x, x_at + i, item);
    if (has_low) v = max(v, load_integer(low, low_at, item));
    if (has_high) v = min(v, load_integer(high, high_at, item));
    store_integer(y, y_at + i, item, v);
  }
}
