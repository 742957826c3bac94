// Dot products of bytes on instruction sets that have none: codes and activations become 16 bits,
// whose pairs are multiplied and added to 32 (pmaddwd).
//
// Bytes 0 and 2 of a word go together, 1 and 3 too: a shift and a mask make either. Codes are split
// once for all rows of a register tile, activations once per chunk. Sums are exact: 255 * 127 * 2
// fits an int32 as often as chunks are long.
#pragma once

#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

// Whether dot4<nibbles> takes bytes as they are: VNNI does, and vpmaddubsw where pairs of products
// fit 16 bits, which those of nibbles do.
template <bool nibbles>
constexpr bool kTakesBytes =
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__) || !defined(__SSE2__)
    true;
#elif defined(__AVX2__)
    nibbles;
#else
    false;
#endif

typedef uint16_t u16n __attribute__((vector_size(4 * kLanes)));

WEFT_INLINE u32n even_bytes(u32n codes) { return codes & 0x00ff00ffu; }
WEFT_INLINE u32n odd_bytes(u32n codes) { return (u32n)((u16n)codes >> 8); }

// acc += the products of two 16-bit numbers in each lane with those of x. The sum is pinned where
// it is: GCC 12 moves it behind the last product that is added to it, and spills the products.
WEFT_INLINE void dot2(i32n& acc, u32n codes, int32_t x) {
#if defined(__AVX512BW__)
  acc += (i32n)_mm512_madd_epi16((__m512i)codes, _mm512_set1_epi32(x));
  asm("" : "+v"(acc));
#elif defined(__AVX2__)
  acc += (i32n)_mm256_madd_epi16((__m256i)codes, _mm256_set1_epi32(x));
  asm("" : "+x"(acc));
#elif defined(__SSE2__)
  acc += (i32n)_mm_madd_epi16((__m128i)codes, _mm_set1_epi32(x));
  asm("" : "+x"(acc));
#else
  acc += (i32n)(codes & 0xffffu) * int16_t(x) + (i32n)(codes >> 16) * int16_t(x >> 16);
#endif
}

// A chunk of activations: of each word of four codes, 0 and 2, and 1 and 3.
struct Halves {
  int32_t even[kChunk / 4], odd[kChunk / 4];
};
WEFT_INLINE void split(const int8_t* codes, Halves& to) {
  typedef int16_t i16x16 __attribute__((vector_size(kChunk)));
  typedef i16x16 i16x16_unaligned __attribute__((aligned(1), may_alias));
  const i16x16 words = *reinterpret_cast<const i16x16_unaligned*>(codes);
  *reinterpret_cast<i16x16_unaligned*>(to.even) = words << 8 >> 8;
  *reinterpret_cast<i16x16_unaligned*>(to.odd) = words >> 8;
}

}  // namespace weft::cpu::WEFT_ISA
