// Visiting the elements of strided views in row-major order.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ops/array.h"

namespace weft::ops {

// Calls visit(offset) with the offset in elements of each element, row-major. A scalar has one
// element; a view with a zero dim has none.
template <typename Visit>
void walk(const Array& array, Visit visit) {
  const int64_t rank = array.rank();
  if (array.count() == 0) return;
  if (rank == 0) return visit(int64_t(0));
  const int64_t inner = array.shape[size_t(rank - 1)];
  const int64_t step = array.strides[size_t(rank - 1)];
  std::vector<int64_t> at(size_t(rank - 1), 0);
  int64_t base = 0;
  while (true) {
    for (int64_t i = 0; i < inner; ++i) visit(base + i * step);
    int64_t dim = rank - 2;
    for (; dim >= 0; --dim) {
      const auto d = size_t(dim);
      base += array.strides[d];
      if (++at[d] < array.shape[d]) break;
      base -= at[d] * array.strides[d];
      at[d] = 0;
    }
    if (dim < 0) return;
  }
}

// The offsets of all elements, row-major: for walking two views of different shapes side by side.
inline std::vector<int64_t> offsets(const Array& array) {
  std::vector<int64_t> all;
  all.reserve(size_t(array.count()));
  walk(array, [&](int64_t offset) { all.push_back(offset); });
  return all;
}

}  // namespace weft::ops
