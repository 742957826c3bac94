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

}  // namespace weft::passes
