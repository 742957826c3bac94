// name_positions: integers that count the positions of this run become the input position_ids.
//
//   Range(past, past + seq), CumSum(attention_mask) - 1 cut to the new tokens, ...    position_ids
//
// Exporters compute positions from lengths or from the mask; what the elements are is the same
// (elements.h): element i is past + i. The input is added where the file has none.
#include "core/passes/elements.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

// Dims of 1 but for one of seq.
std::optional<size_t> axis_of_positions(const ir::Type& type) {
  if (type.dtype != ir::DType::i64) return {};
  std::optional<size_t> axis;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    if (type.shape[d] == Dim(1)) continue;
    if (axis || type.shape[d] != Dim::symbol("seq")) return {};
    axis = d;
  }
  return axis;
}

ValueId position_input(Graph& graph) {
  for (const ValueId id : graph.inputs) {
    if (graph[id].name == "position_ids") return id;
  }
  return graph.add_input("position_ids", {ir::DType::i64, {1, Dim::symbol("seq")}});
}

bool comes_from(const Movement& movement, Place place, ValueId source) {
  for (const Place& step : movement.trail(std::move(place))) {
    if (step.value == source) return true;
  }
  return false;
}

}  // namespace

Status name_positions(Graph& graph, Context& context) {
  const auto order = graph.order();
  Elements elements(graph);
  for (const ir::NodeId id : order) {
    const Node node = graph[id];
    if (node.outputs.size() != 1) continue;
    const ValueId value = node.outputs[0];
    const auto axis = axis_of_positions(graph[value].type);
    if (!axis) continue;
    const auto index = elements.movement().indices(value);
    const Element element = elements.at({value, index});
    const auto* number = std::get_if<Dim>(&element);
    if (!number || *number != Dim::symbol("past") + index[*axis]) continue;
    const ValueId positions = position_input(graph);
    if (comes_from(elements.movement(), {value, index}, positions)) continue;
    const ValueId shape = graph.add_symbolic("position_shape", graph[value].type.shape);
    replace_node(graph, id, graph.add(Op::Reshape, {positions, shape}, {}, node.name));
    context.note(node.name, "its elements are the positions of this run: position_ids");
  }
  return {};
}

}  // namespace weft::passes
