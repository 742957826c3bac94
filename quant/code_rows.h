// Rows of reals as int8 codes, as a KV cache of codes (q8_0) holds each position's heads:
//
//   codes   int8 [n]             n up to a multiple of 4, the rest 0
//   scales  f16 [ceil(n / 32)]   one per 32 codes; up to a multiple of 4 bytes, the rest 0
//
//   scale = max |x| / 127 of the 32, divided in f32, rounded to f16, at most 65504
//   code  = x / scale, divided in f32, kept within -127 .. 127, rounded to nearest even;
//           0 where the scale is 0
//
// A NaN or an infinity makes the scale a NaN. The real is code * scale, which f32 holds exactly.
// The numbers are those of ggml's Q8_0; codes lie together so that a vector is one load, and words
// stay words from row to row.
#pragma once

#include <stdint.h>

namespace weft::quant {

constexpr int64_t kCodeBlock = 32;

constexpr int64_t code_blocks(int64_t n) { return (n + kCodeBlock - 1) / kCodeBlock; }
// Where the scales begin.
constexpr int64_t code_bytes(int64_t n) { return (n + 3) / 4 * 4; }
constexpr int64_t code_row_bytes(int64_t n) {
  return code_bytes(n) + (2 * code_blocks(n) + 3) / 4 * 4;
}

}  // namespace weft::quant
