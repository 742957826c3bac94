// fuse_swish:   x --+-----------+
//                   +- Sigmoid -+- Mul        becomes    x -- Swish
//
// Ramachandran et al., "Searching for Activation Functions", 2017 (also known as SiLU).
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

Status fuse_swish(Graph& graph, Context& context) {
  constexpr size_t kX = 0;
  const Pattern swish = op(Op::Mul, {any(kX), op(Op::Sigmoid, {any(kX)})});
  Match match(graph);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::Mul || !match(node.outputs[0], swish)) continue;
    replace_node(graph, id, graph.add(Op::Swish, {match[kX]}, {}, node.name));
    context.note(node.name, "x * Sigmoid(x) is Swish");
  }
  return {};
}

}  // namespace weft::passes
