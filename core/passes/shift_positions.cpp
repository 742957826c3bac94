// shift_positions: learnt positions that are counted from an offset are counted from 0.
//
//   Gather(table, position_ids + 2)      becomes      Gather(table[2:], position_ids)
//
// OPT and its kin keep the first rows of the table for padding. The part is a view of the table.
#include "core/passes/constants.h"
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/take_columns.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kPositions, kOffset };

}  // namespace

Status shift_positions(Graph& graph, Context& context) {
  const Pattern shifted = op(Op::Add, {any(kPositions), scalar_in(kOffset)});
  Match match(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (node.op != Op::Gather || node.attrs.integer("axis", 0) != 0 ||
        !match(node.inputs[1], shifted) || graph[match[kPositions]].name != "position_ids")
      continue;
    const ValueId table = rows_from(graph, node.inputs[0], int64_t(match.number(kOffset)));
    if (table == ValueId::none) continue;
    const ValueId positions = match[kPositions];
    graph[id].inputs = {table, positions};
    context.note(graph[id].name, "positions count from 0 in a part of the table");
  }
  return {};
}

}  // namespace weft::passes
