// Elementwise ops of one input (codes.def), n floats, WIDTH per work-item.
floatw unary_of(int op, floatw v, float alpha) {
  switch (op) {
    case UNARY_Neg:
      return -v;
    case UNARY_Abs:
      return fabs(v);
    case UNARY_Sqrt:
      return sqrt(v);
    case UNARY_Reciprocal:
      return 1.0f / v;
    case UNARY_Exp:
      return exp(v);
    case UNARY_Log:
      return log(v);
    case UNARY_Erf:
      return erf(v);
    case UNARY_Tanh:
      return tanh(v);
    case UNARY_Sigmoid:
      return 1.0f / (1.0f + exp(-v));
    case UNARY_Relu:
      return fmax(v, 0.0f);
    case UNARY_Gelu:
      return 0.5f * v * (1.0f + erf(v * 0.70710678118654752f));
    case UNARY_GeluTanh:
      return 0.5f * v * (1.0f + tanh(0.79788456080286536f * (v + 0.044715f * v * v * v)));
    case UNARY_Swish:
      return v / (1.0f + exp(-alpha * v));
    case UNARY_Cos:
      return cos(v);
    case UNARY_Sin:
      return sin(v);
    case UNARY_Floor:
      return floor(v);
    case UNARY_Ceil:
      return ceil(v);
    default:
      return rint(v);
  }
}

kernel void unary(global const float* x, long x_at, global float* y, long y_at, long n, int op,
                  float alpha) {
  const long i = (long)get_global_id(0) * WIDTH;
  if (i >= n) return;
  x += x_at + i;
  y += y_at + i;
  const int count = (int)min((long)WIDTH, n - i);
  const floatw v = count == WIDTH ? load_w(0, x) : load_few(x, count);
  const floatw out = unary_of(op, v, alpha);
  if (count == WIDTH) {
    store_w(out, 0, y);
  } else {
    store_few(out, count, y);
  }
}
