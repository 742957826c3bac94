// The one matrix product of the references, shared by MatMul and Gemm.
#pragma once

#include <vector>

#include "core/ops/array.h"

namespace weft::ops {

// y = a b, where a holds M rows of K values, b is a view [K, N] (quantized or column-major too) and
// y any view of M * N elements, row-major, of a float type. Each line of b is decoded once.
void multiply(const std::vector<double>& a, int64_t m, const Array& b, const Array& y);
// The same on integers, exact up to the wrapping of int64; b is not quantized.
void multiply(const std::vector<int64_t>& a, int64_t m, const Array& b, const Array& y);

}  // namespace weft::ops
