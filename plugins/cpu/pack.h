// Repacking constants into the tiles of kernels.h, once per device and content.
//
// A head and an embedding that share their bytes share one packed copy. A stack of matrices, one
// per expert, is packed matrix by matrix.
#pragma once

#include "plugins/common/line_matrix.h"
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

using common::columns_of;
using common::experts_of;
using common::LineMatrix;
using common::rows_of;

// Throws Refusal when the constant's form is not one pack() takes.
void check_packable(const plugin::GraphView& graph, const LineMatrix& matrix);
// Throws Failure when the constant is shorter than its form says.
// Of a stack the first matrix; the others follow, each `tiles * tile_bytes` after the one before.
PackedMatrix pack(const plugin::GraphView& graph, const LineMatrix& matrix,
                  common::ConstantStore& store);

}  // namespace weft::cpu
