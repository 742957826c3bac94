// Groups of elements reduced to one each, a group per work-item; and running sums along lines.
//
// Sums of floats carry what rounding lost along (Neumaier, 1974), so that their error does not grow
// with the group; devices without double have them too. Integers wrap. An empty group gives 0, 1
// for the product, NaN for the mean and the type's least or greatest value for max and min.
#define REDUCE_SUM 0
#define REDUCE_MEAN 1
#define REDUCE_MAX 2
#define REDUCE_MIN 3
#define REDUCE_PROD 4

// Adds v to sum.x; sum.y is what has been lost.
float2 add_exactly(float2 sum, float v) {
  const float now = sum.x + v;
  const float lost = fabs(sum.x) >= fabs(v) ? (sum.x - now) + v : (v - now) + sum.x;
  return (float2)(now, sum.y + lost);
}

// The sum: what was lost counts only while the sum is finite.
float sum_of(float2 sum) { return isfinite(sum.x) ? sum.x + sum.y : sum.x; }

float reduce_reals(global const float* x, long outer, long inner, long inner_stride, long8 shape,
                   long8 stride, int kind) {
  float2 sum = 0;
  float best = kind == REDUCE_MAX ? -INFINITY : kind == REDUCE_MIN ? INFINITY : 1.0f;
  for (long o = 0; o < outer; o++) {
    global const float* line = x + place(o, shape, stride);
    for (long i = 0; i < inner; i++) {
      const float v = line[i * inner_stride];
      if (kind == REDUCE_PROD) {
        best *= v;
      } else if (kind == REDUCE_MAX) {  // a NaN, once met, stays
        best = isnan(best) || best > v ? best : v;
      } else if (kind == REDUCE_MIN) {
        best = isnan(best) || best < v ? best : v;
      } else {
        sum = add_exactly(sum, v);
      }
    }
  }
  if (kind == REDUCE_SUM) return sum_of(sum);
  return kind == REDUCE_MEAN ? sum_of(sum) / (float)(outer * inner) : best;
}

long reduce_integers(global const uchar* x, long at, long outer, long inner, long inner_stride,
                     long8 shape, long8 stride, int kind, int item) {
  const bool wide = item == ITEM_I64;
  long out = kind == REDUCE_PROD  ? 1
             : kind == REDUCE_MAX ? (wide ? LONG_MIN : INT_MIN)
             : kind == REDUCE_MIN ? (wide ? LONG_MAX : INT_MAX)
                                  : 0;
  for (long o = 0; o < outer; o++) {
    const long line = at + place(o, shape, stride);
    for (long i = 0; i < inner; i++) {
      const long v = load_integer(x, line + i * inner_stride, item);
      out = kind == REDUCE_PROD  ? out * v
            : kind == REDUCE_MAX ? max(out, v)
            : kind == REDUCE_MIN ? min(out, v)
                                 : out + v;
    }
  }
  const long count = outer * inner;
  return kind == REDUCE_MEAN ? (count ? out / count : 0) : out;
}

// Group g begins at its place over the kept dims; its elements are `outer` lines of `inner`.
kernel void reduce(global const uchar* x, long x_at, global uchar* y, long y_at, long groups,
                   long8 kept, long8 kept_stride, long outer, long inner, long inner_stride,
                   long8 shape, long8 stride, int kind, int item) {
  const long g = get_global_id(0);
  if (g >= groups) return;
  const long at = x_at + place(g, kept, kept_stride);
  if (item == ITEM_F32) {
    ((global float*)y)[y_at + g] =
        reduce_reals((global const float*)x + at, outer, inner, inner_stride, shape, stride, kind);
  } else {
    store_integer(y, y_at + g, item,
                  reduce_integers(x, at, outer, inner, inner_stride, shape, stride, kind, item));
  }
}

// y[i] = the sum of x up to i along a line of `length`, with or without x[i]; a line per work-item.
kernel void cumulate(global const uchar* x, long x_at, global uchar* y, long y_at, long lines,
                     long length, long step, int exclusive, int reverse, int item) {
  const long line = get_global_id(0);
  if (line >= lines) return;
  const long first = line / step * step * length + line % step;
  float2 sum = 0;
  long whole = 0;
  for (long k = 0; k < length; k++) {
    const long i = first + (reverse ? length - 1 - k : k) * step;
    if (item == ITEM_F32) {
      const float2 before = sum;
      sum = add_exactly(sum, ((global const float*)x)[x_at + i]);
      ((global float*)y)[y_at + i] = sum_of(exclusive ? before : sum);
    } else {
      const long before = whole;
      whole += load_integer(x, x_at + i, item);
      store_integer(y, y_at + i, item, exclusive ? before : whole);
    }
  }
}
