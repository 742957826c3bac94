// y is x with elements around it, and Trilu: x with zeros on one side of a diagonal. n elements of
// 1 to 8 bytes, one per work-item.
//
//   mode     0 the value, 1 the nearest of x, 2 mirrored at its ends, 3 from the other end
//   before   elements in front of x in each dim; negative ones are cut off
long padded_place(int mode, long i, long n) {
  if (i >= 0 && i < n) return i;
  if (mode == 1) return i < 0 ? 0 : n - 1;
  if (mode == 3) return (i % n + n) % n;
  if (mode != 2) return -1;
  if (n == 1) return 0;
  const long period = 2 * (n - 1), at = (i % period + period) % period;
  return at < n ? at : period - at;
}

kernel void pad(global const uchar* x, long x_at, global const uchar* value, long value_at,
                global uchar* y, long y_at, long n, long8 shape, long8 x_shape, long8 x_stride,
                long8 before, int mode, int bytes) {
  const long i = get_global_id(0);
  if (i >= n) return;
  long dims[8], sizes[8], steps[8], front[8];
  vstore8(shape, 0, dims);
  vstore8(x_shape, 0, sizes);
  vstore8(x_stride, 0, steps);
  vstore8(before, 0, front);
  long from = x_at, rest = i;
  bool inside = true;
  for (int d = 7; d >= 0; d--) {
    const long at = padded_place(mode, rest % dims[d] - front[d], sizes[d]);
    rest /= dims[d];
    inside = inside && at >= 0;
    from += at * steps[d];
  }
  if (inside) {
    move_item(x, from, y, y_at + i, bytes);
  } else {
    move_item(value, value_at, y, y_at + i, bytes);
  }
}

// Matrices of rows x columns: what lies above diagonal k is kept, or what lies below.
kernel void trilu(global const uchar* x, long x_at, global uchar* y, long y_at, long n, long rows,
                  long columns, long k, int upper, int bytes) {
  const long i = get_global_id(0);
  if (i >= n) return;
  // Far diagonals do not wrap: column minus row lies within (-rows, columns).
  const long diagonal = i % columns - i / columns % rows;
  if (upper ? diagonal >= k : diagonal <= k) {
    move_item(x, x_at + i, y, y_at + i, bytes);
  } else {
    for (int b = 0; b < bytes; b++) y[(y_at + i) * bytes + b] = 0;
  }
}
