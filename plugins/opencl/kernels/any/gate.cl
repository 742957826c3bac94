// y = swish(a) * b, n floats, WIDTH per work-item; the bits are those of `unary` and `binary`.
kernel void gate(global const float* a, long a_at, global const float* b, long b_at,
                 global float* y, long y_at, long n, float alpha) {
  const long i = (long)get_global_id(0) * WIDTH;
  if (i >= n) return;
  a += a_at + i;
  b += b_at + i;
  y += y_at + i;
  const int count = (int)min((long)WIDTH, n - i);
  const floatw v = count == WIDTH ? load_w(0, a) : load_few(a, count);
  const floatw w = count == WIDTH ? load_w(0, b) : load_few(b, count);
  const floatw out = v / (1.0f + exp(-alpha * v)) * w;
  if (count == WIDTH) {
    store_w(out, 0, y);
  } else {
    store_few(out, count, y);
  }
}
