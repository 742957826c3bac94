// Removes nodes that change nothing:
//
//   Identity(x)                                      x
//   x * 1, x / 1, x + 0, x - 0                       x
//   moves that bring every element back to its place, or rename it only (Reshape of a Reshape,
//   Transpose of a Transpose, a Slice of everything, a Cast to the type x has)
//
// A node whose result is a graph output stays when x is a graph input: the output must be computed.
#include "core/passes/constants.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

// x of x * 1 and the like, or none.
ValueId neutral(const Graph& graph, const Node& node) {
  const bool product = node.op == Op::Mul || node.op == Op::Div;
  if (!product && node.op != Op::Add && node.op != Op::Sub) return ValueId::none;
  const double unit = product ? 1 : 0;
  const bool commutes = node.op == Op::Mul || node.op == Op::Add;
  for (const size_t side : {size_t{1}, size_t{0}}) {
    if (side == 0 && !commutes) break;
    const ValueId x = node.inputs[1 - side];
    if (scalar(graph, node.inputs[side]) == unit && graph[x].type == graph[node.outputs[0]].type)
      return x;
  }
  return ValueId::none;
}

bool moves(Op op) {
  switch (op) {
    case Op::Identity:
    case Op::Cast:
    case Op::Reshape:
    case Op::Flatten:
    case Op::Squeeze:
    case Op::Unsqueeze:
    case Op::Expand:
    case Op::Transpose:
    case Op::Slice:
    case Op::Tile:
    case Op::Concat:
      return true;
    default:
      return false;
  }
}

}  // namespace

Status drop_identity(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.inputs.empty() || node.inputs[0] == ValueId::none) continue;
    const ValueId same =
        moves(node.op) ? Movement(graph).origin(node.outputs[0]) : neutral(graph, node);
    if (same == ValueId::none || same == node.outputs[0]) continue;
    if (graph.is_output(node.outputs[0]) && !graph.producer(same)) continue;
    replace_node(graph, id, same);
    context.note(node.name, std::string(ir::name(node.op)) + " changes nothing and is dropped");
  }
  return {};
}

}  // namespace weft::passes
