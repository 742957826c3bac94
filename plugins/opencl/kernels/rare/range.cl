// start, start + delta, ...: n numbers, integers or f32, one per work-item, from numbers that the
// graph computes.
kernel void range(global const uchar* start, long start_at, global const uchar* delta,
                  long delta_at, global uchar* y, long y_at, long n, int item) {
  const long i = get_global_id(0);
  if (i >= n) return;
  if (item == ITEM_F32) {
    const float step = ((global const float*)delta)[delta_at] * (float)i;
    ((global float*)y)[y_at + i] = ((global const float*)start)[start_at] + step;
  } else {
    const long first = load_integer(start, start_at, item);
    store_integer(y, y_at + i, item, first + i * load_integer(delta, delta_at, item));
  }
}
