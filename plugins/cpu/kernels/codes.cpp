// Rows written as codes (quant/code_rows.h), on their way into a cache. Reading them is part of the
// kernels that do (attention_codes.h).
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"
#include "quant/code_rows.h"

namespace weft::cpu::WEFT_ISA {

namespace {

// A float of 0 .. 65504 as a half, rounded to nearest even.
uint16_t half_of(float x) {
  if (x < 0x1p-14f) return uint16_t(x * 0x1p24f + 0x1p23f - 0x1p23f);  // counts of the smallest
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits += 0xfff + (bits >> 13 & 1);
  return uint16_t((bits >> 13) - (112 << 10));
}

// What half_of() gives, as the float it stands for.
float float_of(uint16_t half) {
  if (half < 1 << 10) return float(half) * 0x1p-24f;
  const uint32_t bits = (uint32_t(half) + (112 << 10)) << 13;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// Codes of up to 32 elements; returns their scale.
uint16_t encode_block(const float* x, int64_t count, int8_t* codes) {
  vf values[2];
  for (int i = 0; i < 2; i++) values[i] = load_leading(x + 16 * i, count - 16 * i);
  // 0, or NaN where an element is not finite.
  const float harm = sum(values[0] * zero() + values[1] * zero());
  const float most = maximum(max(abs(values[0]), abs(values[1]))) / 127.0f;
  const uint16_t half = half_of(most < 65504.0f ? most : 65504.0f);
  const vf scale = set1(float_of(half));
  const vf magic = set1(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer, halves to even
  int8_t all[32] = {};
  if (harm == 0 && half != 0)
    for (int i = 0; i < 2; i++)
      store_codes(all + 16 * i, min(max(values[i] / scale, set1(-127)), set1(127)) + magic - magic);
  memcpy(codes, all, size_t(count));
  return harm == 0 ? half : 0x7e00;
}

void encode(const float* x, int64_t n, char* row) {
  memset(row, 0, size_t(quant::code_row_bytes(n)));
  for (int64_t block = 0; block < quant::code_blocks(n); block++) {
    const int64_t first = block * quant::kCodeBlock, left = n - first;
    const uint16_t scale =
        encode_block(x + first, left < quant::kCodeBlock ? left : quant::kCodeBlock,
                     reinterpret_cast<int8_t*>(row) + first);
    memcpy(row + quant::code_bytes(n) + 2 * block, &scale, sizeof scale);
  }
}

}  // namespace

void install_codes(Kernels& table) { table.encode = encode; }

}  // namespace weft::cpu::WEFT_ISA
