// Repacking constants into the tiles of kernels.h, once per device and content.
//
// A matrix is N lines of K elements: the columns of a MatMul's B [K, N], or the rows of an
// embedding [V, K]. A head and an embedding that share their bytes therefore share one packed copy.
// A stack of matrices, one per expert, is packed matrix by matrix.
#pragma once

#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

struct LineMatrix {
  const weft_value* value;
  uint32_t index;   // of the value
  int64_t n, k;     // lines and their length
  bool line_major;  // a line is contiguous
  int64_t matrices = 1;
};

// B [K, N] of a MatMul, or an embedding [V, K]; the value is a rank-2 constant.
LineMatrix columns_of(const plugin::GraphView& graph, uint32_t value);
LineMatrix rows_of(const plugin::GraphView& graph, uint32_t value);
// Of weights [E, K, N], or [E, N, K] when transposed; the value is a rank-3 constant.
LineMatrix experts_of(const plugin::GraphView& graph, uint32_t value, bool transposed);

// Throws Refusal when the constant's form is not one pack() takes.
void check_packable(const plugin::GraphView& graph, const LineMatrix& matrix);
// Throws Failure when the constant is shorter than its form says.
// Of a stack the first matrix; the others follow, each `tiles * tile_bytes` after the one before.
PackedMatrix pack(const plugin::GraphView& graph, const LineMatrix& matrix,
                  common::ConstantStore& store);

}  // namespace weft::cpu
