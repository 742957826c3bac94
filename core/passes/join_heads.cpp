// join_heads: Attention on separate heads becomes Attention on rows, which is how projections
// write and read them, so that nothing is transposed at run time:
//
//   x [B, S, H * D] -- Reshape -- Transpose --+
//                        [B, H, S, D]         Attention -- Transpose -- Reshape -- [B, S, H * D]
//
//   x ------------------ Attention {q_num_heads, kv_num_heads} ------ [B, S, H * D]
//
// A rotation on the way is made on rows as well. Where a value is not rows split into heads, it is
// transposed explicitly, and what is left over is dropped by drop_identity.
#include "core/passes/attention.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

ValueId reshaped(Graph& graph, ValueId value, ir::Shape shape) {
  const ValueId to = graph.add_symbolic("rows", shape);
  const ValueId y = graph.add(Op::Reshape, {value, to}, {}, graph[value].name + ".rows");
  graph[y].type = {graph[value].type.dtype, std::move(shape)};
  return y;
}

ValueId swapped(Graph& graph, ValueId value) {
  const ValueId y = graph.add(Op::Transpose, {value}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  const auto& shape = graph[value].type.shape;
  graph[y].type = {graph[value].type.dtype, {shape[0], shape[2], shape[1], shape[3]}};
  return y;
}

// A normalization of each head by itself, which is the same in any order of heads and rows.
bool over_size(const Graph& graph, const Node& norm) {
  const int64_t axis = norm.attrs.integer("axis", -1);
  if (norm.outputs.size() != 1 || (axis != -1 && axis != 3)) return false;
  for (size_t i = 1; i < norm.inputs.size(); ++i) {
    if (norm.inputs[i] != ValueId::none && graph[norm.inputs[i]].type.shape.size() != 1)
      return false;
  }
  return true;
}

// [B, S, H * D] whose element [b, i, h * D + d] is element [b, h, i, d] of `heads`.
ValueId rows_of(Graph& graph, ValueId heads) {
  const auto shape = graph[heads].type.shape;
  const ir::Shape rows{shape[0], shape[2], shape[1] * shape[3]};
  Movement movement(graph);
  const auto at = movement.indices(heads);
  const std::vector<Dim> joined{at[0], at[2], at[1] * shape[3] + at[3]};
  const std::vector<Dim> apart{at[0], at[2], at[1], at[3]};
  ValueId split = ValueId::none, last = heads;
  for (const Place& place : movement.trail({heads, at})) {
    const auto& found = graph[place.value].type.shape;
    if (found == rows && place.index == joined) return place.value;
    if (found.size() == 4 && place.index == apart && found[2] == shape[1]) split = place.value;
    if (found.size() == 4 && place.index == at) last = place.value;
  }
  const Node* producer = graph.producer(last);
  const bool by_heads =
      producer && (producer->op == Op::RMSNormalization || producer->op == Op::LayerNormalization);
  if (by_heads && over_size(graph, *producer)) {
    const Node node = *producer;
    const ir::Shape apart_shape{shape[0], shape[2], shape[1], shape[3]};
    auto inputs = node.inputs;
    inputs[0] = reshaped(graph, rows_of(graph, inputs[0]), apart_shape);
    ir::Attrs attrs = node.attrs;
    attrs.set("axis", int64_t{-1});
    const ValueId y = graph.add(node.op, inputs, attrs, node.name);
    graph[y].type = {graph[heads].type.dtype, apart_shape};
    return reshaped(graph, y, rows);
  }
  if (producer && producer->op == Op::RotaryEmbedding) {
    const Node node = *producer;
    auto inputs = node.inputs;
    inputs[0] = rows_of(graph, inputs[0]);
    ir::Attrs attrs = node.attrs;
    attrs.set("num_heads", shape[1].constant());
    const ValueId y = graph.add(Op::RotaryEmbedding, inputs, attrs, node.name);
    graph[y].type = {graph[heads].type.dtype, rows};
    return y;
  }
  return reshaped(graph, split != ValueId::none ? split : swapped(graph, heads), rows);
}

bool has_fixed_heads(const Graph& graph, const Node& node) {
  for (const size_t i : {0, 1, 2}) {
    const auto& shape = graph[node.inputs[i]].type.shape;
    if (shape.size() != 4 || !shape[1].is_constant() || !shape[3].is_constant()) return false;
  }
  return true;
}

}  // namespace

Status join_heads(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (!is_attention(node) || node.outputs.size() > 3 || !has_fixed_heads(graph, node)) continue;
    const auto q = graph[node.inputs[0]].type.shape, k = graph[node.inputs[1]].type.shape;
    const auto v = graph[node.inputs[2]].type.shape;
    ir::Attrs attrs = node.attrs;
    attrs.set("q_num_heads", q[1].constant());
    attrs.set("kv_num_heads", k[1].constant());
    auto inputs = node.inputs;
    for (const size_t i : {0, 1, 2}) inputs[i] = rows_of(graph, inputs[i]);
    const NodeId fresh = graph.add_node(node.op, inputs, node.outputs.size(), attrs, node.name);
    const auto outputs = graph[fresh].outputs;
    graph[outputs[0]].type = {graph[node.outputs[0]].type.dtype, {q[0], q[2], q[1] * v[3]}};
    for (size_t i = 1; i < outputs.size(); ++i) {
      if (node.outputs[i] == ValueId::none) continue;
      graph[outputs[i]].type = graph[node.outputs[i]].type;
      graph.replace_uses(node.outputs[i], outputs[i]);
    }
    replace_node(graph, id, swapped(graph, reshaped(graph, outputs[0], {q[0], q[2], q[1], v[3]})));
    context.note(node.name, "heads stay side by side in rows; nothing is transposed");
  }
  return {};
}

}  // namespace weft::passes
