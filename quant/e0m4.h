// E0M4: numbers of no exponent bits and four mantissa bits. A code q stands for 16 + q, which is a
// half whose sign and exponent never change, so that decoding is a mask and an or:
//
//   half (f16)   s eeeee mmmmmmmmmm
//   0x4C00       0 10011 0000000000     16
//   16 + q       0 10011 qqqq000000     the code is the top of the mantissa
//
// A group of G weights along K has a scale and a zero point; as weft_quant and ir::Quantization
// have it for storage e0m4,
//
//   real(q) = ((16 + q) - zero) * scale                  zero = 16 + z
//           = (q - z) * scale = q * scale + min          min = -z * scale
//
// The zero point is what is kept, and not the minimum min - 16 * scale of q * scale + b, which
// loses up to 1.4 % of a step to cancellation where it is a half. z is a multiple of 2^-10 and a
// half where |z| < 16 (each group that has 0 in its range), of 2^-7 elsewhere, and the scale is a
// half: then 16 + z and z * scale are exact in f32, so the formulas above, in f32 with one rounding
// or in double, all give the bits that quant::decode gives here.
//
//   form        step                  code 0 stands for   error
//   edge        (max - min) / 15      min                 of asymmetric int4; lossless import
//   binade      (max - min) / 15.5    min                 all of [16, 32) is used
//   half_cell   (max - min) / 16      min + step / 2      1/32 of the range: least largest error
//   clipped     of edge, over the part of the range that leaves the least squared error; 15/16 of
//               it, which is half_cell, is nearly one of the parts tried
//
// Edge-aligned is best for groups of 32, half_cell from 64 on; codes that come from 4-bit blocks of
// the same size stay as they are (from_codes). Storage: 4 + 32 / G bits per weight.
//
// Source: Li et al., "Transformer-Lite", 2024, section on FP4 quantization (its title says M0E4).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "quant/affine.h"

namespace weft::quant::e0m4 {

constexpr int kMost = 15;
constexpr float kBase = 16;

// Four places of a 16-bit word from which a code becomes a half without a shift. All have steps of
// 1, so that one scale serves a word of four codes.
struct Place {
  int bit;            // where the code's lowest bit is
  uint16_t mask;      // of the code
  uint16_t exponent;  // bits to or
  int base;           // what code 0 decodes to
};
inline constexpr Place kPlaces[] = {
    {0, 0x000F, 0x6400, 1024},
    {2, 0x003C, 0x5C00, 256},
    {4, 0x00F0, 0x5400, 64},
    {6, 0x03C0, 0x4C00, 16},
};
// The bits of the half base + q.
constexpr uint16_t half_of(uint16_t word, const Place& place) {
  return uint16_t((word & place.mask) | place.exponent);
}

enum class Form { edge, binade, half_cell, clipped };

// The grid of one group, with z as its zero: quant::encode and quant::decode are its codec. Nothing
// when a real is a NaN or an infinity.
std::optional<Grid> fit(std::span<const float> reals, Form form);

// The zero point as storage e0m4 has it, 16 + z.
inline float stored_zero(float z) { return kBase + z; }
// Back to z.
inline float code_zero(float stored) { return stored - kBase; }
// The same codes and scale, with the zero point of 4-bit codes 0 .. 15: bit for bit the same reals.
// Nothing where 16 + z is no f32: then storage e0m4 cannot say it.
std::optional<float> from_codes(float z);

}  // namespace weft::quant::e0m4
