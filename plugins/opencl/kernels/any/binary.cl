// Elementwise ops of two inputs of floats (codes.def), broadcast to the output.
//
// The output is `outer` runs of `inner` elements that lie together in it; in an input a run goes on
// by a step of 1, or stands still (0). shape and strides place the runs. WIDTH elements of a run
// per work-item, global size (blocks of a run, runs).
floatw binary_of(int op, floatw p, floatw q) {
  switch (op) {
    case BINARY_Add:
      return p + q;
    case BINARY_Sub:
      return p - q;
    case BINARY_Mul:
      return p * q;
    case BINARY_Div:
      return p / q;
    case BINARY_Max:
      return select(q, p, isnan(p) || p > q);
    case BINARY_Min:
      return select(q, p, isnan(p) || p < q);
    case BINARY_Pow:
      return pow(p, q);
    default:
      return fmod(p, q);
  }
}

kernel void binary(global const float* a, long a_at, global const float* b, long b_at,
                   global float* y, long y_at, int op, long inner, int a_step, int b_step,
                   long outer, long8 shape, long8 a_stride, long8 b_stride) {
  const long i = (long)get_global_id(0) * WIDTH, run = get_global_id(1);
  if (i >= inner || run >= outer) return;
  a += a_at + (outer > 1 ? place(run, shape, a_stride) : 0) + i * a_step;
  b += b_at + (outer > 1 ? place(run, shape, b_stride) : 0) + i * b_step;
  y += y_at + run * inner + i;
  const int count = (int)min((long)WIDTH, inner - i);
  floatw p = a[0], q = b[0];
  if (a_step) p = count == WIDTH ? load_w(0, a) : load_few(a, count);
  if (b_step) q = count == WIDTH ? load_w(0, b) : load_few(b, count);
  const floatw out = binary_of(op, p, q);
  if (count == WIDTH) {
    store_w(out, 0, y);
  } else {
    store_few(out, count, y);
  }
}
