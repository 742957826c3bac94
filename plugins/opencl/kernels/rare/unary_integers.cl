// Neg, Abs, Relu of integers and Not of bools (codes.def); n elements, one per work-item.
kernel void unary_integers(global const uchar* x, long x_at, global uchar* y, long y_at, long n,
                           int op, int item) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const long v = load_integer(x, x_at + i, item);
  long out = !v;
  if (op == UNARY_Relu) out = v < 0 ? 0 : v;
  if (op == UNARY_Neg || op == UNARY_Abs) out = op == UNARY_Neg || v < 0 ? -v : v;
  store_integer(y, y_at + i, item, out);
}
