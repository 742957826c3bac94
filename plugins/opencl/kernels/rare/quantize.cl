// Reals to integer codes and back; one scale and zero point for all, one per index of an axis, or
// one per block of it.
//
//   code = saturate(round_even(x / scale) + zero), a NaN is the zero point;  x = (code - zero) *
//   scale
//
// Which scale element i has: its index along the axis is i / inner % size; with block 0 that is the
// scale's, else scales lie like x with ceil(size / block) in the axis; size 0: one for all.
long scale_index(long i, long size, long inner, long block) {
  if (size == 0) return 0;
  const long along = i / inner % size;
  if (block == 0) return along;
  return (i / inner / size * ((size + block - 1) / block) + along / block) * inner + i % inner;
}

long code_of(float quotient, float zero, int item) {
  const float least = item == ITEM_I8 ? -128.0f : item == ITEM_I16 ? -32768.0f : 0.0f;
  const bool is_byte = item == ITEM_U8 || item == ITEM_I8;
  const float most = least + (is_byte ? 255.0f : 65535.0f);
  return (long)clamp((isnan(quotient) ? 0.0f : rint(quotient)) + zero, least, most);
}

// Both directions; `to_codes` says which. n elements, one per work-item.
kernel void quantize_linear(global const uchar* x, long x_at, global const float* scales,
                            long scales_at, global const uchar* zeros, long zeros_at,
                            int zeros_item, global uchar* y, long y_at, long n, long size,
                            long inner, long block, int item, int to_codes) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const long s = scale_index(i, size, inner, block);
  const float scale = scales[scales_at + s];
  const long zero = zeros_item ? load_integer(zeros, zeros_at + s, zeros_item) : 0;
  if (to_codes) {
    const float quotient = ((global const float*)x)[x_at + i] / scale;
    store_integer(y, y_at + i, item, code_of(quotient, (float)zero, item));
  } else {
    const float steps = (float)(load_integer(x, x_at + i, item) - zero);
    ((global float*)y)[y_at + i] = steps * scale;
  }
}

// Scale and zero point of u8 codes that reach from the least of x and 0 to the largest of x and 0;
// one work-item.
kernel void dynamic_scale(global const float* x, long x_at, long n, global float* scale,
                          long scale_at, global uchar* zero, long zero_at) {
  float low = 0, high = 0;
  for (long i = 0; i < n; i++) {
    const float v = x[x_at + i];
    if (v < low) low = v;
    if (high < v) high = v;
  }
  const float step = (high - low) / 255.0f;
  scale[scale_at] = step;
  zero[zero_at] = step > 0 ? (uchar)clamp(rint(-low / step), 0.0f, 255.0f) : 0;
}

// The codes by that scale and zero point; n of them, one per work-item.
kernel void dynamic_codes(global const float* x, long x_at, long n, global const float* scale,
                          long scale_at, global const uchar* zero, long zero_at, global uchar* y,
                          long y_at) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const float step = scale[scale_at];
  const float quotient = step > 0 ? x[x_at + i] / step : 0.0f;
  y[y_at + i] = (uchar)code_of(quotient, (float)zero[zero_at], ITEM_U8);
}

// Rows of reals as rows of codes (quant/code_rows.h): `size` codes, then a scale for 32 of them
// each; a row per work-item.
kernel void quantize_rows(global const float* x, long x_at, global char* y, long y_at, long rows,
                          int size, int row_bytes) {
  const long row = get_global_id(0);
  if (row >= rows) return;
  x += x_at + row * size;
  y += y_at + row * row_bytes;
  const int scales = (size + 3) / 4 * 4;
  for (int i = size; i < row_bytes; i++) y[i] = 0;
  for (int first = 0; first < size; first += 32) {
    const int count = min(32, size - first);
    float most = 0;
    bool is_finite = true;
    for (int i = 0; i < count; i++) {
      most = fmax(most, fabs(x[first + i]));
      is_finite = is_finite && isfinite(x[first + i]);
    }
    global half* to = (global half*)(y + scales) + first / 32;
    vstore_half_rte(is_finite ? fmin(most / 127.0f, 65504.0f) : NAN, 0, to);
    if (!is_finite) *(global ushort*)to = 0x7E00;  // one NaN, whatever the device makes of it
    const float scale = vload_half(0, to);
    for (int i = 0; i < count; i++)
      y[first + i] = is_finite && scale != 0
                         ? (char)rint(clamp(x[first + i] / scale, -127.0f, 127.0f))
                         : (char)0;
  }
}
