// Elementwise ops of two inputs: binary_<ONNX's name> where both have the output's shape, and
// binary_<name>_broadcast where they differ.
//
//   shape      the output's dims, innermost last, filled up with ones in front
//   a_s, b_s   strides of the inputs over those dims, 0 where one is broadcast
#define BINARY(name, expression)                                                                   \
  kernel void binary_##name(global const float* a, long a_at, global const float* b, long b_at,    \
                            global float* y, long y_at, long n) {                                  \
    const size_t i = get_global_id(0);                                                             \
    if (i < (size_t)n) {                                                                           \
      const float p = a[a_at + i], q = b[b_at + i];                                                \
      y[y_at + i] = (expression);                                                                  \
    }                                                                                              \
  }                                                                                                \
  kernel void binary_##name##_broadcast(global const float* a, long a_at, global const float* b,   \
                                        long b_at, global float* y, long y_at, long n, int4 shape, \
                                        int4 a_s, int4 b_s) {                                      \
    const size_t i = get_global_id(0);                                                             \
    if (i < (size_t)n) {                                                                           \
      const int4 at = place((long)i, shape);                                                       \
      const float p = a[a_at + offset_of(at, a_s)], q = b[b_at + offset_of(at, b_s)];              \
      y[y_at + i] = (expression);                                                                  \
    }                                                                                              \
  }

// Where element i of a tensor of this shape is.
int4 place(long i, int4 shape) {
  int4 at;
  at.w = (int)(i % shape.w);
  i /= shape.w;
  at.z = (int)(i % shape.z);
  i /= shape.z;
  at.y = (int)(i % shape.y);
  at.x = (int)(i / shape.y);
  return at;
}

long offset_of(int4 at, int4 stride) {
  return (long)at.x * stride.x + (long)at.y * stride.y + (long)at.z * stride.z +
         (long)at.w * stride.w;
}

BINARY(Add, p + q)
BINARY(Sub, p - q)
BINARY(Mul, p * q)
BINARY(Div, p / q)
