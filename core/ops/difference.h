// How far a tensor is from the one expected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ops/array.h"

namespace weft::ops {

struct Tolerance {
  double relative = 1e-4;  // of the largest expected magnitude of the tensor
  double absolute = 1e-6;
};

struct Difference {
  double absolute = 0;  // the largest; infinite where one is NaN or infinite and the other not so
  double largest = 0;   // magnitude of the finite values expected
  double allowed = 0;
  std::string where;   // index of the largest difference, "[0, 3, 17]"
  std::string unlike;  // why the two cannot be compared: dtype or shape; else empty
  bool passes() const { return unlike.empty() && absolute <= allowed; }
  double relative() const;  // absolute / largest; 0 where both are 0
};

// Compares `got` with `expected`, elements of both read in row-major order. Of `axis`, only the
// first `limit` positions count, and the shapes may differ beyond them; -1: all. Integers and
// booleans have to be equal. Types of 16 bits are allowed four steps of their own where the
// tolerance is finer than that.
Difference difference(const Array& got, const Array& expected, const Tolerance& tolerance,
                      int64_t axis, int64_t limit);

}  // namespace weft::ops
