// Gather of lines of a matrix that is packed (weights.h): an embedding reads the copy that the
// head's MatMul uses.
#pragma once

#include "plugins/opencl/op.h"

namespace weft::opencl {

// Whether the table is one that is packed: quantized, stored in columns, or of many floats.
bool gathers_packed(const NodeView& node);
// As of an OpRow, for such nodes.
void check_gather_packed(const NodeView& node, const Limits& limits);
Run prepare_gather_packed(Prepare& context);

}  // namespace weft::opencl
