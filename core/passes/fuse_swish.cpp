// fuse_swish:   x --+-----------+
//                   +- Sigmoid -+- Mul        becomes    x -- Swish
//
// also where the sigmoid is of alpha * x (QuickGelu, gpt-oss). Ramachandran et al., "Searching for
// Activation Functions", 2017 (also known as SiLU).
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kX, kAlpha };

}  // namespace

Status fuse_swish(Graph& graph, Context& context) {
  const Pattern x = any(kX);
  const Pattern swish = op(Op::Mul, {x, op(Op::Sigmoid, {x})});
  const Pattern scaled = op(Op::Mul, {x, op(Op::Sigmoid, {op(Op::Mul, {x, scalar_in(kAlpha)})})});
  Match match(graph);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::Mul) continue;
    ir::Attrs attrs;
    if (!match(node.outputs[0], swish)) {
      if (!match(node.outputs[0], scaled)) continue;
      attrs.set("alpha", match.number(kAlpha));
    }
    replace_node(graph, id, graph.add(Op::Swish, {match[kX]}, attrs, node.name));
    context.note(node.name, "x * Sigmoid(x) is Swish");
  }
  return {};
}

}  // namespace weft::passes
