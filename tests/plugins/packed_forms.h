// Constants [K, N] in every form the cpu plugin packs, for tests of products.
#pragma once

#include <cstring>

#include "tests/plugins/problems.h"

namespace weft::test {

struct Form {
  const char* name;
  weft_dtype storage;  // 0: plain f32
  uint32_t block;
  int zeros;  // 0: fixed, 1: f32, 2: u8
  bool column_major;
  int bits = 32;  // of floats that halves keep whole: 16 as bfloat16, 10 as f16
};
inline constexpr Form kForms[] = {
    {"f32 row-major", 0, 0, 0, false},
    {"f32 column-major", 0, 0, 0, true},
    {"bf16 row-major", 0, 0, 0, false, 16},
    {"bf16 column-major", 0, 0, 0, true, 16},
    {"f16 row-major", 0, 0, 0, false, 10},
    {"u4 block 32 f32 zeros", WEFT_U4, 32, 1, true},
    {"u4 block 16 u8 zeros", WEFT_U4, 16, 2, true},
    {"u4 block 128 fixed zero", WEFT_U4, 128, 0, true},
    {"i4 block 32", WEFT_I4, 32, 0, true},
    {"e0m4 block 64", WEFT_F4_E0M4, 64, 0, true},
    {"u8 block 64 f32 zeros", WEFT_U8, 64, 1, true},
    {"u8 whole row", WEFT_U8, 0, 2, true},
    {"i8 block 32", WEFT_I8, 32, 0, true},
};

inline const Form& form_named(const std::string& name) {
  for (const Form& form : kForms)
    if (name == form.name) return form;
  throw std::runtime_error("no form is named " + name);
}

inline std::vector<float> floats_of(const Form& form, int64_t count, Random& random) {
  std::vector<float> out = random.reals(count);
  for (float& x : out) {
    if (form.bits == 10) x = float(random.integer(-1023, 1023)) / 1024;
    if (form.bits == 16) {
      uint32_t word;
      std::memcpy(&word, &x, sizeof word);
      word &= 0xffff0000u;
      std::memcpy(&x, &word, sizeof word);
    }
  }
  return out;
}

inline uint32_t weight(Graph& g, const Form& form, int64_t k, int64_t n, Random& random) {
  if (form.storage == 0 && !form.column_major)
    return g.constant("w", Data::floats({k, n}, floats_of(form, k * n, random)));
  if (form.storage == 0) return g.column_major("w", k, n, floats_of(form, k * n, random));
  Graph::Quantized q;
  q.storage = form.storage;
  q.rows = k;
  q.cols = n;
  q.block = form.block;
  const int64_t block = form.block ? form.block : k, blocks = (k + block - 1) / block;
  const bool nibble = form.storage != WEFT_U8 && form.storage != WEFT_I8;
  const bool sign = form.storage == WEFT_I4 || form.storage == WEFT_I8;
  const int low = sign ? (nibble ? -8 : -128) : 0, high = low + (nibble ? 15 : 255);
  for (int64_t i = 0; i < n * blocks * block; i++) q.codes.push_back(random.integer(low, high));
  q.scales = random.reals(n * blocks, 0.01f, 0.1f);
  if (form.zeros)
    for (int64_t i = 0; i < n * blocks; i++)
      q.zeros.push_back(form.zeros == 2 ? float(random.integer(0, high))
                                        : random.real(0, float(high)));
  q.zeros_u8 = form.zeros == 2;
  q.zero = form.storage == WEFT_F4_E0M4 ? 23.5 : sign ? 0 : nibble ? 7.5 : 131;
  return g.quantized("w", q);
}

}  // namespace weft::test
