// The step every fusion ends with, and how one that does not come to it speaks of values.
#pragma once

#include <string>

#include "core/ir/graph.h"

namespace weft::passes {

// `value` takes the place of the node's first output, type included, and the node goes.
void replace_node(ir::Graph& graph, ir::NodeId node, ir::ValueId value);

// What computes `value`, for messages: "Clip '/attn/Clip'", "the input 'mask'", "a constant".
std::string describe(const ir::Graph& graph, ir::ValueId value);

}  // namespace weft::passes
