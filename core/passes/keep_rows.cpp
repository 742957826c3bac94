// keep_rows: rows that an exporter flattened for a matrix product stay rows.
//
//   x [1, seq, K] -- Reshape [seq, K] -- MatMul -- Add -- Reshape [1, seq, N]
//   x [1, seq, K] ---------------------- MatMul -- Add -- Reshape, Reshape
//
// The Reshape moves behind each op that works row by row, until it meets the one that undoes it
// (drop_identity). Linears on two dims are what torch exports for Conv1D (GPT-2), OPT's
// feed-forward block and routers.
#include <algorithm>

#include "core/ops/op_def.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

// The value of shape [1, S, K] that `flat`, [S, K], has the elements of; none otherwise.
ValueId rows_of(const Graph& graph, ValueId flat) {
  const auto& shape = graph[flat].type.shape;
  if (shape.size() != 2 || shape[0] == Dim(1)) return ValueId::none;
  Movement movement(graph);
  const auto index = movement.indices(flat);
  const ir::Shape rows{1, shape[0], shape[1]};
  for (const Place& place : movement.trail({flat, index})) {
    if (graph[place.value].type.shape == rows &&
        place.index == std::vector<Dim>{0, index[0], index[1]})
      return place.value;
  }
  return ValueId::none;
}

// A weight that serves rows of two and of three dims alike.
bool serves_rows(const Graph& graph, const Node& node, size_t slot) {
  const ir::Value& value = graph[node.inputs[slot]];
  if (value.kind != ir::ValueKind::constant) return false;
  return value.type.shape.size() <= (node.op == Op::MatMul ? 2 : 1);
}

bool works_by_rows(const Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || graph[node.outputs[0]].type.shape.size() != 2) return false;
  const ops::RowWise kind = ops::def(node.op).row_wise;
  if (kind == ops::RowWise::no) return false;
  const int64_t axis = node.attrs.integer("axis", -1);
  return kind == ops::RowWise::broadcast || axis == -1;
}

}  // namespace

Status keep_rows(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (!works_by_rows(graph, node)) continue;
    auto inputs = node.inputs;
    bool moved = false, possible = true;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == ValueId::none) continue;
      const ValueId rows = rows_of(graph, inputs[i]);
      possible = possible && (rows != ValueId::none || serves_rows(graph, node, i));
      moved = moved || rows != ValueId::none;
      if (rows != ValueId::none) inputs[i] = rows;
    }
    if (!moved || !possible) continue;
    const ir::Type flat = graph[node.outputs[0]].type;
    const ValueId y = graph.add(node.op, inputs, node.attrs, node.name);
    graph[y].type = {flat.dtype, {1, flat.shape[0], flat.shape[1]}};
    const ValueId shape = graph.add_symbolic("flat", flat.shape);
    replace_node(graph, id, graph.add(Op::Reshape, {y, shape}));
    context.note(node.name, "works on rows [1, " + flat.shape[0].str() + ", ...] as they come");
  }
  return {};
}

}  // namespace weft::passes
