// See rewrite.h.
#include "core/passes/rewrite.h"

namespace weft::passes {

void replace_node(ir::Graph& graph, ir::NodeId node, ir::ValueId value) {
  const ir::ValueId old = graph[node].outputs[0];
  // Rules later in the same pass look at types.
  graph[value].type = graph[old].type;
  graph.replace_uses(old, value);
  graph.remove_node(node);
}

std::string describe(const ir::Graph& graph, ir::ValueId value) {
  if (value == ir::ValueId::none) return "nothing";
  const ir::Node* node = graph.producer(value);
  if (node) return std::string(ir::name(node->op)) + " '" + node->name + "'";
  if (graph[value].kind == ir::ValueKind::constant)
    return "the constant '" + graph[value].name + "'";
  return "the input '" + graph[value].name + "'";
}

}  // namespace weft::passes
