// fuse_swish:   x --+-----------+
//                   +- Sigmoid -+- Mul        becomes    x -- Swish
//
// Ramachandran et al., "Searching for Activation Functions", 2017 (also known as SiLU).
#include "core/passes/passes.h"

namespace weft::passes {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

Status fuse_swish(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const ir::NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::Mul) continue;
    for (const size_t side : {0, 1}) {
      const ValueId x = node.inputs[1 - side];
      const Node* gate = graph.producer(node.inputs[side]);
      if (!gate || gate->op != Op::Sigmoid || gate->inputs[0] != x) continue;
      graph.replace_uses(node.outputs[0], graph.add(Op::Swish, {x}, {}, node.name));
      graph.remove_node(id);
      context.note(node.name, "x * Sigmoid(x) is Swish");
      break;
    }
  }
  return {};
}

}  // namespace weft::passes
