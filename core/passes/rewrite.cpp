// See rewrite.h.
#include "core/passes/rewrite.h"

namespace weft::passes {

using ir::Graph;
using ir::Op;
using ir::ValueId;
using sym::Dim;

void replace_node(Graph& graph, ir::NodeId node, ValueId value) {
  const ValueId old = graph[node].outputs[0];
  // Rules later in the same pass look at types.
  graph[value].type = graph[old].type;
  graph.replace_uses(old, value);
  graph.remove_node(node);
}

ValueId typed(Graph& graph, ValueId value, ir::Type type) {
  graph[value].type = std::move(type);
  return value;
}

ValueId in_shape(Graph& graph, ValueId value, const ir::Shape& shape) {
  if (graph[value].type.shape == shape) return value;
  const ir::DType dtype = graph[value].type.dtype;
  return typed(graph, graph.add(Op::Reshape, {value, graph.add_symbolic("shape", shape)}),
               {dtype, shape});
}

ValueId sum_of(Graph& graph, const std::vector<ValueId>& summands) {
  ValueId sum = summands.empty() ? ValueId::none : summands[0];
  for (size_t i = 1; i < summands.size(); ++i) {
    const ir::Type a = graph[sum].type, b = graph[summands[i]].type;
    sum = typed(graph, graph.add(Op::Add, {sum, summands[i]}),
                a.shape.size() >= b.shape.size() ? a : b);
  }
  return sum;
}

ValueId counting_range(Graph& graph, const Dim& first, const Dim& length, ir::DType dtype) {
  const auto scalar = [&](Dim value) {
    ir::Value known;
    known.name = "count";
    known.kind = ir::ValueKind::symbolic;
    known.type = {dtype, {}};
    known.contents = {std::move(value)};
    return graph.add_value(std::move(known));
  };
  const ValueId from = scalar(first), to = scalar(first + length), step = scalar(1);
  return typed(graph, graph.add(Op::Range, {from, to, step}), {dtype, {length}});
}

ValueId position_input(const Graph& graph) {
  for (const ValueId id : graph.inputs) {
    if (graph[id].name == "position_ids" && graph[id].type.shape.size() == 2) return id;
  }
  return ValueId::none;
}

std::string describe(const Graph& graph, ValueId value) {
  if (value == ValueId::none) return "nothing";
  const ir::Node* node = graph.producer(value);
  if (node) return std::string(ir::name(node->op)) + " '" + node->name + "'";
  if (graph[value].kind == ir::ValueKind::constant)
    return "the constant '" + graph[value].name + "'";
  return "the input '" + graph[value].name + "'";
}

}  // namespace weft::passes
