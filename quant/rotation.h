// Orthogonal matrices that spread what lies in few channels over all of them.
//
//   R = diag(signs) (H x C)      H of size p, the largest power of two that divides n: Walsh and
//                                Hadamard's +-1 / sqrt(p); C of size n / p: the cosine transform
//
// With random signs a vector of one large element becomes n elements of like size, so a row of
// activations looks like noise of its own root mean square, which int8 steps fit best. The inverse
// is the transpose.
//
// Ashkboos et al., "QuaRot", 2024; Liu et al., "SpinQuant", 2024.
// Threads: any; there is no state.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::quant {

class Rotation {
 public:
  // `seed` chooses the signs; 0: all +1.
  Rotation(int64_t n, uint64_t seed);
  int64_t size() const { return int64_t(signs_.size()); }
  // x becomes x R. n (log p + n / p) operations.
  void apply(std::span<double> x) const;
  // Row-major R, or its transpose.
  std::vector<float> matrix(bool transposed) const;

 private:
  int64_t p_, m_;
  std::vector<double> signs_;
  std::vector<double> cosines_;  // [m, m]
};

}  // namespace weft::quant
