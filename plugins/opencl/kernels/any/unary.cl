// Elementwise ops of one input: unary_<ONNX's name>, and unary_Gelu_tanh for its approximation.
//
//   x, y   n elements from x_at and y_at on
#define UNARY(name, expression)                                                                  \
  kernel void unary_##name(global const float* x, long x_at, global float* y, long y_at, long n, \
                           float alpha) {                                                        \
    const size_t i = get_global_id(0);                                                           \
    if (i < (size_t)n) {                                                                         \
      const float v = x[x_at + i];                                                               \
      y[y_at + i] = (expression);                                                                \
    }                                                                                            \
  }

UNARY(Neg, -v)
UNARY(Abs, fabs(v))
UNARY(Sqrt, sqrt(v))
UNARY(Reciprocal, 1.0f / v)
UNARY(Exp, exp(v))
UNARY(Erf, erf(v))
UNARY(Tanh, tanh(v))
UNARY(Sigmoid, 1.0f / (1.0f + exp(-v)))
UNARY(Relu, fmax(v, 0.0f))
UNARY(Gelu, 0.5f * v * (1.0f + erf(v * 0.70710678118654752f)))
UNARY(Gelu_tanh, 0.5f * v * (1.0f + tanh(0.79788456080286536f * (v + 0.044715f * v * v * v))))
UNARY(Swish, v / (1.0f + exp(-alpha * v)))
