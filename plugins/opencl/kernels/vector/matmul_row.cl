// y [n] = x [k] by a packed weight: one panel per work-item, global size (panels).
//
// Every column is one chain of fused multiply-adds over k, as in matmul_rows: the same bits.
#define GROUPS(STEP)                                                   \
  for (; at + 8 <= end; at += 8, words += f.group_words) { EACH8(STEP) }
#define STEP_F32(i) sum = fma(x[at + i], VALUE_F32(i), sum);
#define STEP_F16(i) sum = fma(x[at + i], VALUE_F16(i), sum);
#define STEP_BF16(i) sum = fma(x[at + i], VALUE_BF16(i), sum);
#define STEP_U8(i) sum = fma(x[at + i], (VALUE_U8(i) - zero) * scale, sum);
#define STEP_U4(i) sum = fma(x[at + i], (VALUE_U4(i) - zero) * scale, sum);

kernel void matmul_row(global const float* x, long x_at, global const uint* w, global float* y,
                       long y_at, Weight f, int m) {
  const int column = get_global_id(0) * PANEL;
  if (column >= f.columns) return;
  x += x_at;
  w += (long)get_global_id(0) * f.panel_words;
  y += y_at + f.first + column;
  global const uint* words = w;
  float16 sum = 0, scale = 1, zero = 0;
  int at = 0;
  // Floats are one block.
  for (int block = 0; block * f.block < f.k; block++) {
    const int end = min((block + 1) * f.block, f.k);
    if (f.form >= FORM_U8) {
      scale = scales_of(w, f, block);
      zero = zeros_of(w, f, block, scale);
    }
    switch (f.form) {
      case FORM_F32:
        GROUPS(STEP_F32)
        break;
      case FORM_F16:
        GROUPS(STEP_F16)
        break;
      case FORM_BF16:
        GROUPS(STEP_BF16)
        break;
      case FORM_U8:
        GROUPS(STEP_U8)
        break;
      default:
        GROUPS(STEP_U4)
        break;
    }
  }
  if (at < f.k) {
    float16 d[8];
    decode_panel(w, f, at / 8, scale, zero, d);
    for (int i = 0; at + i < f.k; i++) sum = fma(x[at + i], d[i], sum);
  }
  const int columns = min(PANEL, f.columns - column);
  if (columns == PANEL) {
    vstore16(sum, 0, y);
  } else {
    store_some(sum, columns, y);
  }
}
