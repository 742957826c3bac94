// Types of a whole graph, from its inputs and constants through every op's shape rule.
//
// Annotations in files are not trusted: what a value is follows from what computes it. Inference
// can run again after any rewrite; it replaces the type and contents of every activation. Threads:
// those of the graph.
#pragma once

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::ops {

// Sets the contents of an integer or boolean constant of at most kMaxContents (contents.h)
// elements; leaves any other value alone.
void set_constant_contents(ir::Graph& graph, ir::ValueId value);

// Types and contents of one node's outputs, whose inputs are typed already. Fails with one sentence
// (without the node's name) when the op's arity or shape rule does not hold, or a size is absurd.
Status infer_node(ir::Graph& graph, ir::NodeId node);

// infer_node over the graph in its order. Errors name the node and its op.
Status infer_types(ir::Graph& graph);

// "node 'name' (Op)", for messages.
std::string describe(const ir::Graph& graph, ir::NodeId node);

}  // namespace weft::ops
