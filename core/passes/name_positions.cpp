// name_positions: integers that count become what they are.
//
//   past + i, for the tokens of this run          the input position_ids
//   i, for everything in the cache and this run   Range(0, past + seq, 1)
//
// Exporters compute positions from lengths, from the mask, or by sums of ones; what the elements
// are is the same (elements.h). The input is added where the file has none.
#include "core/passes/elements.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

// The one axis of more than one element.
std::optional<size_t> only_axis(const ir::Type& type) {
  if (type.dtype != ir::DType::i64) return {};
  std::optional<size_t> axis;
  for (size_t d = 0; d < type.shape.size(); ++d) {
    if (type.shape[d] == Dim(1)) continue;
    if (axis) return {};
    axis = d;
  }
  return axis;
}

ValueId positions_of_run(Graph& graph) {
  const ValueId found = position_input(graph);
  if (found != ValueId::none) return found;
  return graph.add_input("position_ids", {ir::DType::i64, {1, Dim::symbol("seq")}});
}

// The place `value` is moved from is what it would become.
bool is_named(const Graph& graph, const Movement& movement, Place place) {
  const ValueId source = movement.trail(std::move(place)).back().value;
  const Node* producer = graph.producer(source);
  return producer ? producer->op == Op::Range : graph[source].name == "position_ids";
}

}  // namespace

Status name_positions(Graph& graph, Context& context) {
  const auto order = graph.order();
  Elements elements(graph, !context.options.keep_interface);
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.outputs.size() != 1) continue;
    const ValueId value = node.outputs[0];
    const auto axis = only_axis(graph[value].type);
    if (!axis) continue;
    const auto index = elements.movement().indices(value);
    const Element element = elements.at({value, index});
    const auto* number = std::get_if<Dim>(&element);
    const Dim length = graph[value].type.shape[*axis], past = Dim::symbol("past");
    const bool of_run = length == Dim::symbol("seq") && number && *number == past + index[*axis];
    const bool of_all = number && *number == index[*axis] && length.symbols().contains("past");
    if (!of_run && !of_all) continue;
    if (is_named(graph, elements.movement(), {value, index}) && !(of_run && node.op == Op::Range))
      continue;
    const ValueId source = of_run ? positions_of_run(graph) : counting_range(graph, 0, length);
    const ValueId shape = graph.add_symbolic("position_shape", graph[value].type.shape);
    replace_node(graph, id, graph.add(Op::Reshape, {source, shape}, {}, node.name));
    context.note(node.name, of_run ? "its elements are the positions of this run: position_ids"
                                   : "its elements count the positions from 0");
  }
  return {};
}

}  // namespace weft::passes
