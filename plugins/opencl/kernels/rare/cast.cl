// Elements of one type as another; n of them, one per work-item.
//
// A real becomes an integer toward zero, kept within the type, and a NaN becomes 0. Integers keep
// their low bits; a bool is v != 0.
long integer_of(float v, int item) {
  switch (item) {
    case ITEM_BOOL:
      return v != 0;
    case ITEM_U64:
      if (!(v > 0)) return 0;
      return v >= 18446744073709551616.0f ? -1 : (long)(ulong)v;
    case ITEM_I64:
      if (!(v == v)) return 0;
      if (v >= 9223372036854775808.0f) return LONG_MAX;
      return v < -9223372036854775808.0f ? LONG_MIN : (long)v;
  }
  const bool is_signed = item == ITEM_I8 || item == ITEM_I16 || item == ITEM_I32;
  const bool is_byte = item == ITEM_I8 || item == ITEM_U8;
  const int bits = is_byte ? 8 : item == ITEM_I16 || item == ITEM_U16 ? 16 : 32;
  const long most = is_signed ? (1L << (bits - 1)) - 1 : (1L << bits) - 1;
  const long least = is_signed ? -most - 1 : 0;
  if (!(v == v)) return 0;
  if (v >= 4294967296.0f) return most;
  if (v <= -4294967296.0f) return least;
  return clamp((long)v, least, most);
}

kernel void cast(global const uchar* x, long x_at, global uchar* y, long y_at, long n, int from,
                 int to) {
  const long i = get_global_id(0);
  if (i >= n) return;
  if (is_real(from)) {
    const float v = load_real(x, x_at + i, from);
    if (is_real(to)) {
      store_real(y, y_at + i, to, v);
    } else {
      store_integer(y, y_at + i, to, integer_of(v, to));
    }
  } else {
    const long v = load_integer(x, x_at + i, from);
    if (is_real(to)) {
      store_real(y, y_at + i, to, from == ITEM_U64 ? (float)(ulong)v : (float)v);
    } else {
      store_integer(y, y_at + i, to, v);
    }
  }
}
