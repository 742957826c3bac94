// Halves written: rows on their way into a cache. Reading them is part of the kernels that do
// (attention_parts.h).
#include "plugins/cpu/kernels/kernels.h"
#include "plugins/cpu/kernels/vec.h"

namespace weft::cpu::WEFT_ISA {

#if defined(__F16C__)
namespace {

WEFT_INLINE void narrow16(const float* x, uint16_t* y) {
#if defined(__AVX512F__)
  const __m256i h = _mm512_cvtps_ph(_mm512_loadu_ps(x), _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), h);
#else
  for (int i = 0; i < 16; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
}

void narrow(const float* x, uint16_t* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) narrow16(x + i, y + i);
  if (i == n) return;
  float from[16] = {};
  uint16_t to[16];
  memcpy(from, x + i, size_t(n - i) * sizeof(float));
  narrow16(from, to);
  memcpy(y + i, to, size_t(n - i) * sizeof(uint16_t));
}

}  // namespace

void install_half(Kernels& table) { table.narrow = narrow; }
#else
void install_half(Kernels& table) { table.narrow = nullptr; }
#endif

}  // namespace weft::cpu::WEFT_ISA
