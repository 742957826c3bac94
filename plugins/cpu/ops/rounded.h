// Steps whose products are of bfloat16: rows are rounded in phase 0, shared among threads, and
// multiplied in phase 1 (kernels/kernels.h).
#pragma once

#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

// The fewest rows that repay decoding weights to bf16 first.
constexpr int64_t kRoundedFrom = 16;

// Row `row` of those at `to`.
inline void round_row(const Kernels& kernels, const float* x, int64_t row, int64_t k, char* to) {
  kernels.round_row(x, k, reinterpret_cast<uint16_t*>(to) + row * rounded_k(k));
}

}  // namespace weft::cpu
