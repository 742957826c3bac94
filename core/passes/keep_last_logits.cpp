// Generation reads the logits of the last token only. The head and everything row by row before it
// then need only the last `rows` rows (a symbol the session binds: 1, or seq when all logits are
// asked for):
//
//   y ------+                                   y -- Slice[seq-rows:] --+
//           Add -- RMSNormalization -- MatMul        x -- Slice --------Add -- RMSNormalization --
//           MatMul
//   x ------+        [1, seq, V]                                                [1, rows, V]
//
// The cut goes as far up as every user of a value is itself row by row and cut: to the attention
// output and the residual of the last layer.
#include <algorithm>
#include <map>
#include <set>

#include "core/ops/infer_graph.h"
#include "core/ops/op_def.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

// [1, seq, ...]: rows run along axis 1.
bool has_rows(const Graph& graph, ValueId id) {
  if (id == ValueId::none) return false;
  const auto& shape = graph[id].type.shape;
  return shape.size() == 3 && shape[1] == Dim::symbol("seq");
}

// The inputs of a row-wise node that carry rows; the others are weights.
std::vector<size_t> row_inputs(const Graph& graph, const Node& node) {
  std::vector<size_t> slots;
  const bool all = ops::def(node.op).row_wise == ops::RowWise::broadcast;
  for (size_t i = 0; i < (all ? node.inputs.size() : 1); ++i) {
    if (has_rows(graph, node.inputs[i])) slots.push_back(i);
  }
  return slots;
}

// A normalization or matmul is row by row only along its last axis and with constant weights.
bool row_wise(const Graph& graph, const Node& node) {
  const ops::RowWise kind = ops::def(node.op).row_wise;
  if (kind == ops::RowWise::no || node.outputs.size() != 1) return false;
  if (row_inputs(graph, node).empty() || !has_rows(graph, node.outputs[0])) return false;
  const int64_t axis = node.attrs.integer("axis", -1);
  if (kind == ops::RowWise::yes && axis != -1 && axis != 2) return false;
  if (kind == ops::RowWise::broadcast) return true;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != ValueId::none && graph[node.inputs[i]].kind != ir::ValueKind::constant) {
      return false;
    }
  }
  return true;
}

// Nodes whose every user is in the cone, starting from the producer of the logits.
std::set<NodeId> cone_above(const Graph& graph, ValueId logits) {
  const auto users = ir::all_users(graph);
  std::set<NodeId> cone;
  for (auto it = graph.order().rbegin(); it != graph.order().rend(); ++it) {
    const Node& node = graph[*it];
    if (!row_wise(graph, node)) continue;
    const ValueId out = node.outputs[0];
    const auto& readers = users[size_t(out)];
    const bool read_by_cone =
        std::all_of(readers.begin(), readers.end(), [&](NodeId id) { return cone.contains(id); });
    const bool wanted = out == logits ? readers.empty() : !readers.empty() && !graph.is_output(out);
    if (wanted && read_by_cone) cone.insert(*it);
  }
  return cone;
}

}  // namespace

Status keep_last_logits(Graph& graph, Context& context) {
  ValueId logits = ValueId::none;
  for (const ir::Output& output : graph.outputs) {
    if (has_rows(graph, output.value) && (logits == ValueId::none || output.name == "logits")) {
      logits = output.value;
    }
  }
  if (logits == ValueId::none) {
    context.leave("", "no output of shape [1, seq, n]: there are no logits to cut");
    return {};
  }
  const Dim rows = Dim::symbol("rows"), seq = Dim::symbol("seq");
  graph.bounds.set("rows", {1, context.options.chunk});
  graph.bounds.set_at_most("rows", "seq");
  const ValueId from = graph.add_symbolic("first_row", {seq - rows});
  const ValueId to = graph.add_symbolic("end_row", {seq});
  const ValueId axis = graph.add_integers("row_axis", {1});
  std::map<ValueId, ValueId> cut;
  const auto slice = [&](ValueId value) {
    auto [entry, fresh] = cut.emplace(value, ValueId::none);
    if (fresh) entry->second = graph.add(Op::Slice, {value, from, to, axis}, {}, "last_rows");
    return entry->second;
  };

  const std::set<NodeId> cone = cone_above(graph, logits);
  if (cone.empty()) {
    const ValueId last = slice(logits);
    for (ir::Output& output : graph.outputs) {
      if (output.value == logits) output.value = last;
    }
    context.note("",
                 "the logits are cut after they are computed: their producer is not row by row");
    return {};
  }
  for (const NodeId id : cone) {
    for (const size_t slot : row_inputs(graph, graph[id])) {
      const ValueId input = graph[id].inputs[slot];
      const NodeId producer = graph[input].producer;
      if (producer != NodeId::none && cone.contains(producer)) continue;
      const ValueId last = slice(input);  // adds a node: references into the graph end here
      graph[id].inputs[slot] = last;
    }
  }
  context.note(
      graph[logits].name,
      std::to_string(cone.size()) + " nodes before the logits run for `rows` rows instead of seq");
  return {};
}

}  // namespace weft::passes
