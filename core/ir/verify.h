// Structural invariants of a graph; the pass runner checks them after every pass.
#pragma once

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::ir {

// Every value is defined once and before its uses, has a type, and lives where a state is; outputs
// and quantization parts exist. The error names the value or node at fault.
Status verify(const Graph& graph);

}  // namespace weft::ir
