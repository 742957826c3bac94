// Removes nodes that change nothing:
//
//   Identity(x)                          x
//   Cast(x) to the type x has            x
//   Reshape, Expand, ... to x's shape    x      (Reshape Flatten Squeeze Unsqueeze Expand)
//   Transpose with perm 0, 1, 2 ...      x
//
// A node whose result is a graph output stays when x is a graph input: the output must be computed.
#include "core/passes/passes.h"

namespace weft::passes {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

bool changes_nothing(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == ValueId::none) return false;
  const ir::Type& from = graph[node.inputs[0]].type;
  const ir::Type& to = graph[node.outputs[0]].type;
  switch (node.op) {
    case Op::Identity:
      return true;
    case Op::Cast:
    case Op::Reshape:
    case Op::Flatten:
    case Op::Squeeze:
    case Op::Unsqueeze:
    case Op::Expand:
      return from == to;
    case Op::Transpose: {
      const auto perm = node.attrs.integers("perm");
      for (size_t i = 0; i < perm.size(); ++i) {
        if (perm[i] != int64_t(i)) return false;
      }
      return !perm.empty();
    }
    default:
      return false;
  }
}

}  // namespace

Status drop_identity(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const ir::NodeId id : order) {
    const Node node = graph[id];
    if (!changes_nothing(graph, node)) continue;
    if (graph.is_output(node.outputs[0]) && !graph.producer(node.inputs[0])) continue;
    graph.replace_uses(node.outputs[0], node.inputs[0]);
    graph.remove_node(id);
    context.note(node.name, std::string(ir::name(node.op)) + " changes nothing and is dropped");
  }
  return {};
}

}  // namespace weft::passes
