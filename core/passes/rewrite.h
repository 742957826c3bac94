// The step every fusion ends with.
#pragma once

#include "core/ir/graph.h"

namespace weft::passes {

// `value` takes the place of the node's first output, type included, and the node goes.
void replace_node(ir::Graph& graph, ir::NodeId node, ir::ValueId value);

}  // namespace weft::passes
