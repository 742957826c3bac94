// Broadcasting as in numpy: shapes are aligned at their last dims, and a dim of 1 is repeated.
#pragma once

#include <vector>

#include "core/ops/op_def.h"

namespace weft::ops {

// The shape both broadcast to. A constant dim other than 1 wins over a symbol, which must then
// equal it or be 1. Two unequal symbolic dims become their maximum, which is right whenever they
// may be broadcast at all and neither is 0. Fails when two dims can never be broadcast.
Result<Shape> broadcast(const sym::Bounds& bounds, const Shape& a, const Shape& b);

// `array` seen in `shape`, with stride 0 where it repeats. Not for quantized constants. Fails when
// the shapes do not broadcast.
Result<Array> broadcast_to(const Array& array, const std::vector<int64_t>& shape);
// The elements of `array` (quantized constants included) repeated to `shape`, row-major.
Result<std::vector<double>> load_broadcast(const Array& array, const std::vector<int64_t>& shape);
Result<std::vector<int64_t>> load_ints_broadcast(const Array& array,
                                                 const std::vector<int64_t>& shape);

}  // namespace weft::ops
