// Packed weights decoded a panel at a time: PANEL columns are the lanes of a vector.

float16 scales_of(global const uint* panel, Weight f, int block) {
  panel += f.scales_at;
  return f.scale_form == SCALE_F16 ? vload_half16(block, (global const half*)panel)
                                   : vload16(block, (global const float*)panel);
}

float16 zeros_of(global const uint* panel, Weight f, int block, float16 scale) {
  panel += f.zeros_at;
  if (f.zero_form == ZERO_FIXED) return f.zero;
  if (f.zero_form == ZERO_QUOTIENT) return vload_half16(block, (global const half*)panel) / scale;
  return f.zero_form == ZERO_U8 ? convert_float16(vload16(block, (global const uchar*)panel))
                                : vload16(block, (global const float*)panel);
}

float16 halves16(ushort16 v) {
#if FP16
  return convert_float16(as_half16(v));
#else
  return vload_half16(0, (const half*)&v);
#endif
}

// Halves in bits 16..31 as floats, and those of bits 0..15 shifted there. Bits of a half under the
// exponent of a float are 2^112 too small, subnormals and all.
float16 high_halves(uint16 v) {
  return as_float16((v & 0x80000000u) | (v >> 3 & 0x0FFFE000u)) * 0x1p112f;
}

// Element i of a group at `words`, for each form; of codes, the code less its offset. Expressions
// of a constant i stay in registers.
#define VALUE_F32(i) as_float16(vload16(i, words))
#define VALUE_F16(i) high_halves((i) % 2 ? vload16((i) / 2, words) : vload16((i) / 2, words) << 16)
#define VALUE_BF16(i) \
  as_float16((i) % 2 ? vload16((i) / 2, words) & 0xFFFF0000u : vload16((i) / 2, words) << 16)
#define VALUE_U8(i) \
  (convert_float16(as_int16(vload16((i) / 4, words) >> (8 * ((i) % 4)) & 255u)) - f.offset)
#if HALF
#define VALUE_U4(i) nibble_##i(vload16(0, words), f.offset)
#define NIBBLE(i, bits, base)                          \
  float16 nibble_##i(uint16 v, float offset) {         \
    return halves16(convert_ushort16(bits)) - (base + offset); \
  }
NIBBLE(0, NIBBLES_0_4(v) & 0xFFFFu, 1024)
NIBBLE(1, NIBBLES_2_6(v) & 0xFFFFu, 256)
NIBBLE(2, NIBBLES_0_4(v) >> 16, 1024)
NIBBLE(3, NIBBLES_2_6(v) >> 16, 256)
NIBBLE(4, NIBBLES_1_5(v) & 0xFFFFu, 64)
NIBBLE(5, NIBBLES_3_7(v) & 0xFFFFu, 16)
NIBBLE(6, NIBBLES_1_5(v) >> 16, 64)
NIBBLE(7, NIBBLES_3_7(v) >> 16, 16)
#else
#define NIBBLE_OF(i) ((i) < 4 ? 2 * (i) : 2 * (i)-7)
#define VALUE_U4(i) \
  (as_float16(NIBBLE_AS_FLOAT(vload16(0, words), NIBBLE_OF(i))) - (16 + f.offset))
#endif
#define EACH8(S) S(0) S(1) S(2) S(3) S(4) S(5) S(6) S(7)

// Group `group` of a panel; scale and zero are those of its block, unused by floats.
void decode_panel(global const uint* panel, Weight f, int group, float16 scale, float16 zero,
                  float16* d) {
  global const uint* words = panel + (long)group * f.group_words;
  switch (f.form) {
#define PUT(i) d[i] = VALUE_F32(i);
    case FORM_F32:
      EACH8(PUT)
      return;
#undef PUT
#define PUT(i) d[i] = VALUE_F16(i);
    case FORM_F16:
      EACH8(PUT)
      return;
#undef PUT
#define PUT(i) d[i] = VALUE_BF16(i);
    case FORM_BF16:
      EACH8(PUT)
      return;
#undef PUT
#define PUT(i) d[i] = (VALUE_U8(i) - zero) * scale;
    case FORM_U8:
      EACH8(PUT)
      return;
#undef PUT
#define PUT(i) d[i] = (VALUE_U4(i) - zero) * scale;
    default:
      EACH8(PUT)
#undef PUT
  }
}
