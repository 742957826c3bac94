// Sums and products that stop at the int64 limits instead of wrapping: the arithmetic of Dims, the
// same whether a Dim is evaluated or a slot program runs.
#pragma once

#include <cstdint>

namespace weft::sym {

inline int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? (a > 0 ? INT64_MAX : INT64_MIN) : sum;
}

inline int64_t saturating_mul(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ((a > 0) == (b > 0) ? INT64_MAX : INT64_MIN)
                                                : product;
}

}  // namespace weft::sym
