// Comparisons, and the arithmetic of integers (codes.def), broadcast to the output: n elements, one
// per work-item. Integers wrap; a division by zero gives zero, and so does its rest.
long binary_integer(int op, long p, long q) {
  switch (op) {
    case BINARY_Add:
      return p + q;
    case BINARY_Sub:
      return p - q;
    case BINARY_Mul:
      return p * q;
    case BINARY_Max:
      return max(p, q);
    case BINARY_Min:
      return min(p, q);
    case BINARY_Equal:
      return p == q;
    case BINARY_Less:
      return p < q;
    case BINARY_LessOrEqual:
      return p <= q;
    case BINARY_Greater:
      return p > q;
    case BINARY_GreaterOrEqual:
      return p >= q;
    case BINARY_And:
      return p && q;
    case BINARY_Or:
      return p || q;
  }
  if (q == 0) return 0;
  if (q == -1) return op == BINARY_Div ? -p : 0;  // the least number has no quotient
  if (op == BINARY_Div) return p / q;
  const long rest = p % q;
  return op == BINARY_Mod && rest != 0 && (rest < 0) != (q < 0) ? rest + q : rest;
}

int compared(int op, float p, float q) {
  switch (op) {
    case BINARY_Equal:
      return p == q;
    case BINARY_Less:
      return p < q;
    case BINARY_LessOrEqual:
      return p <= q;
    case BINARY_Greater:
      return p > q;
    default:
      return p >= q;
  }
}

kernel void binary_elements(global const uchar* a, long a_at, global const uchar* b, long b_at,
                            global uchar* y, long y_at, long n, int op, int item, int y_item,
                            long8 shape, long8 a_stride, long8 b_stride) {
  const long i = get_global_id(0);
  if (i >= n) return;
  a_at += place(i, shape, a_stride);
  b_at += place(i, shape, b_stride);
  if (item == ITEM_F32) {
    y[y_at + i] = compared(op, ((global const float*)a)[a_at], ((global const float*)b)[b_at]);
  } else {
    const long out = binary_integer(op, load_integer(a, a_at, item), load_integer(b, b_at, item));
    store_integer(y, y_at + i, y_item, out);
  }
}
