// count_positions: the positions of a run are counted where they are read.
//
//   the input position_ids [1, seq]      becomes      Range(past, past + seq, 1), as [1, seq]
//
// A session's positions are never anything else, so that a token need not bring its own: with an
// input they would cross to every device beside the ids (8 bytes a token). Runs after everything
// that reads `position_ids` by name, and not where the caller fills the inputs.
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

Status count_positions(Graph& graph, Context& context) {
  const ValueId positions = position_input(graph);
  if (positions == ValueId::none) return {};
  const ir::Type type = graph[positions].type;
  if (!ir::is_integer(type.dtype) || type.shape[0] != Dim(1)) return {};
  // A graph without caches knows no `past` so far.
  if (!graph.bounds.all().contains("past"))
    graph.bounds.set("past", {0, context.options.capacity - 1});
  const ValueId counted = counting_range(graph, Dim::symbol("past"), type.shape[1], type.dtype);
  graph.replace_uses(positions, in_shape(graph, counted, type.shape));
  std::erase(graph.inputs, positions);
  context.note("position_ids", "positions are counted from `past` on the device that reads them");
  return {};
}

}  // namespace weft::passes
