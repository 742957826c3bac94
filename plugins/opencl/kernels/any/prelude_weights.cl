// Packed weights (weights.h) as kernels see them, decoded one column at a time.
//
//   panel            PANEL columns
//   group            8 consecutive k of a panel: rows of PANEL words, a word per column
//   FORM_F32         8 rows, a float each
//   FORM_F16, _BF16  4 rows, the even k in the low half
//   FORM_U8          2 rows, k 0..3 and 4..7 from the lowest byte on
//   FORM_U4          1 row, nibbles from the lowest on: k 0 4 1 5 2 6 3 7, so that one mask leaves
//                    four consecutive codes in four bytes
//
// A code stands for ((code - offset) - zero) * scale, each step rounded to f32: the steps of the
// source, whose offset moves a signed code or E0M4's 16 + q and is exact.
#if FP16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif

typedef struct {
  int form;
  int k;            // elements of a column
  int stride;       // from one row of y to the next
  int first;        // column of y of the first panel
  int columns;      // from there on
  int group_words;  // from one group to the next
  int panel_words;  // from one panel to the next
  int block;        // k per scale, a multiple of 8
  int scales_at;    // words from the start of a panel: [blocks][PANEL]
  int zeros_at;
  int scale_form;
  int zero_form;
  float offset;
  float zero;  // where zero_form is ZERO_FIXED
} Weight;

float weight_scale(global const uint* panel, Weight f, int block, int lane) {
  panel += f.scales_at;
  const long at = (long)block * PANEL + lane;
  return f.scale_form == SCALE_F16 ? vload_half(at, (global const half*)panel)
                                   : as_float(panel[at]);
}

float weight_zero(global const uint* panel, Weight f, int block, int lane) {
  global const uint* zeros = panel + f.zeros_at;
  const long at = (long)block * PANEL + lane;
  if (f.zero_form == ZERO_FIXED) return f.zero;
  if (f.zero_form == ZERO_QUOTIENT)
    return vload_half(at, (global const half*)zeros) / weight_scale(panel, f, block, lane);
  return f.zero_form == ZERO_U8 ? (float)((global const uchar*)zeros)[at] : as_float(zeros[at]);
}

// Transformer-Lite's E0M4 (Li et al., 2024): four bits put under a fixed exponent are a float, so a
// code becomes BASE + code by bit operations alone.
//
// As a float it is 16 + code, by one shift and one mask for each code.
#define NIBBLE_AS_FLOAT(v, p) \
  ((((p) < 5 ? (v) << (19 - 4 * ((p) < 5 ? (p) : 4)) : (v) >> (4 * (p)-19)) & 0x00780000u) | \
   0x41800000u)
// As a half it is 1024, 64, 256 or 16 + code, by where the nibble lies: two codes at once, and one
// shift for every four.
#define NIBBLES_0_4(v) (((v) & 0x000F000Fu) | 0x64006400u)
#define NIBBLES_1_5(v) (((v) & 0x00F000F0u) | 0x54005400u)
#define NIBBLES_2_6(v) ((((v) >> 6) & 0x003C003Cu) | 0x5C005C00u)
#define NIBBLES_3_7(v) ((((v) >> 6) & 0x03C003C0u) | 0x4C004C00u)

// Two halves of a word as floats.
float2 decode_halves(uint v) {
#if FP16
  return convert_float2(as_half2(v));
#else
  return vload_half2(0, (const half*)&v);
#endif
}

// The codes of a word, less their offset.
void decode_nibbles(uint v, float offset, float* d) {
#if HALF
  const float2 a = decode_halves(NIBBLES_0_4(v)) - (1024 + offset);
  const float2 b = decode_halves(NIBBLES_1_5(v)) - (64 + offset);
  const float2 c = decode_halves(NIBBLES_2_6(v)) - (256 + offset);
  const float2 e = decode_halves(NIBBLES_3_7(v)) - (16 + offset);
  d[0] = a.x, d[2] = a.y, d[4] = b.x, d[6] = b.y;
  d[1] = c.x, d[3] = c.y, d[5] = e.x, d[7] = e.y;
#else
  const float base = 16 + offset;
  d[0] = as_float(NIBBLE_AS_FLOAT(v, 0)) - base, d[4] = as_float(NIBBLE_AS_FLOAT(v, 1)) - base;
  d[1] = as_float(NIBBLE_AS_FLOAT(v, 2)) - base, d[5] = as_float(NIBBLE_AS_FLOAT(v, 3)) - base;
  d[2] = as_float(NIBBLE_AS_FLOAT(v, 4)) - base, d[6] = as_float(NIBBLE_AS_FLOAT(v, 5)) - base;
  d[3] = as_float(NIBBLE_AS_FLOAT(v, 6)) - base, d[7] = as_float(NIBBLE_AS_FLOAT(v, 7)) - base;
#endif
}

// Group `group` of one column of a panel.
void decode_column(global const uint* panel, Weight f, int group, int lane, float* d) {
  global const uint* words = panel + (long)group * f.group_words + lane;
  switch (f.form) {
    case FORM_F32:
      for (int i = 0; i < 8; i++) d[i] = as_float(words[i * PANEL]);
      return;
    case FORM_F16:
      for (int i = 0; i < 4; i++) {
        const float2 v = decode_halves(words[i * PANEL]);
        d[2 * i] = v.x, d[2 * i + 1] = v.y;
      }
      return;
    case FORM_BF16:
      for (int i = 0; i < 4; i++) {
        const uint v = words[i * PANEL];
        d[2 * i] = as_float(v << 16), d[2 * i + 1] = as_float(v & 0xFFFF0000u);
      }
      return;
    case FORM_U8:
      for (int i = 0; i < 8; i++)
        d[i] = (float)(words[i / 4 * PANEL] >> (8 * (i % 4)) & 255u) - f.offset;
      break;
    default:
      decode_nibbles(words[0], f.offset, d);
      break;
  }
  const int block = group * 8 / f.block;
  const float scale = weight_scale(panel, f, block, lane);
  const float zero = weight_zero(panel, f, block, lane);
  for (int i = 0; i < 8; i++) d[i] = (d[i] - zero) * scale;
}
