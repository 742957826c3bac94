// A part of a graph as a graph of its own, for one set of sizes: what is tried alone, or written
// out to show a fault.
//
//   cut(graph, {the node that adds}, {{"seq", 7}})     inputs [1, 7, 64], one Add, its output
//
// What the nodes read from outside becomes inputs (states too, and views of them: a part has
// memory of its own), constants are shared, and every symbol is replaced by its number.
#pragma once

#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::ir {

struct Cut {
  Graph graph;
  // Of the whole graph, in the order of graph.inputs and graph.outputs.
  std::vector<ValueId> inputs, outputs;
};

// `nodes` are in an order in which they can run. The outputs are what others, or outputs of the
// graph, read of them; of a single node, all it has. Fails when a size stays unknown under
// `bindings`.
Result<Cut> cut(const Graph& graph, std::span<const NodeId> nodes, const sym::Bindings& bindings);

}  // namespace weft::ir
