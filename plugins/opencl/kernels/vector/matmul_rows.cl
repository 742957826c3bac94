// y [m, n] = x [m, k] by a packed weight: `chunk` rows, up to CHUNK, of one panel per work-item,
// global size (panels, chunks of rows).
//
// SPAN of k are decoded once for all rows of the chunk: 16 KiB of floats and 4 KiB of sums stay in
// a first-level cache of 32. Eight accumulators of sixteen lanes hide the latency of fused
// multiply-add. Rows past the last repeat it and are not stored.
#define ROW(i) global const float* a##i = x + (long)min(row + i, last) * f.k + from;
#define LOAD(i) float16 c##i = sums[row + i];
#define STEP(i) c##i = fma(a##i[j], b, c##i);
#define SAVE(i) sums[row + i] = c##i;

// One panel's k from `from` on; both are multiples of 8 but for the last.
void decode_span(global const uint* w, Weight f, int from, int count, float16* out) {
  float16 scale = 1, zero = 0;
  int next = from / f.block * f.block;
  for (int at = from; at < from + count; at += 8) {
    if (f.form >= FORM_U8 && at >= next) {
      scale = scales_of(w, f, next / f.block);
      zero = zeros_of(w, f, next / f.block, scale);
      next += f.block;
    }
    decode_panel(w, f, at / 8, scale, zero, out + (at - from));
  }
}

kernel void matmul_rows(global const float* x, long x_at, global const uint* w, global float* y,
                        long y_at, Weight f, int m, int chunk) {
  const int column = get_global_id(0) * PANEL, first = get_global_id(1) * chunk;
  if (first >= m || column >= f.columns) return;
  const int last = min(chunk, m - first) - 1, columns = min(PANEL, f.columns - column);
  x += x_at + (long)first * f.k;
  w += (long)get_global_id(0) * f.panel_words;
  y += y_at + (long)first * f.stride + f.first + column;
  float16 weights[SPAN], sums[CHUNK];
  for (int i = 0; i <= last; i++) sums[i] = 0;
  for (int from = 0; from < f.k; from += SPAN) {
    const int count = min(SPAN, f.k - from);
    decode_span(w, f, from, count, weights);
    int row = 0;
    for (; row + 4 <= last; row += 8) {
      ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7)
      LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5) LOAD(6) LOAD(7)
      for (int j = 0; j < count; j++) {
        const float16 b = weights[j];
        STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
      }
      SAVE(0) SAVE(1) SAVE(2) SAVE(3) SAVE(4) SAVE(5) SAVE(6) SAVE(7)
    }
    if (row <= last) {
      ROW(0) ROW(1) ROW(2) ROW(3)
      LOAD(0) LOAD(1) LOAD(2) LOAD(3)
      for (int j = 0; j < count; j++) {
        const float16 b = weights[j];
        STEP(0) STEP(1) STEP(2) STEP(3)
      }
      SAVE(0) SAVE(1) SAVE(2) SAVE(3)
    }
  }
  for (int i = 0; i <= last; i++) {
    if (columns == PANEL) {
      vstore16(sums[i], 0, y + (long)i * f.stride);
    } else {
      store_some(sums[i], columns, y + (long)i * f.stride);
    }
  }
}
