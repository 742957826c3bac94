// Rounding reals to codes by exact definition, as tables that kernels read.
//
//   code(v) = clamp(round_even(f32(v / scale)) + zero, -128, 127)        QuantizeLinear
//
// code() never falls, so 255 reals say it all: the least v of each code. A kernel comes within one
// code by a multiplication, however its device rounds or divides, and two comparisons settle it.
#pragma once

#include <array>
#include <cstdint>

#include "plugins/vulkan_npu/unit.h"

namespace weft::vulkan_npu {

// Entry c + 128 is the least real whose code is at least c; the first is -inf, and one past the
// last +inf.
using Limits257 = std::array<float, 257>;
Limits257 least_reals(const Codes& codes);

// The code of a real, by the definition.
int32_t code_of(float v, const Codes& codes);

// Entry x + 128 is the code of function(x).
std::array<int8_t, 256> lookup_table(const Function& function, const Codes& x, const Codes& y);

}  // namespace weft::vulkan_npu
