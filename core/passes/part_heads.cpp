// part_heads: Attention on rows whose cache lies outside is written on separate heads, the form in
// which the next passes read repeated heads and caches:
//
//   Attention(q, k, v) {q_num_heads = H, kv_num_heads = K}    q [B, S, H * D]    k [B, T, K * D]
//   Attention(q', k', v')                                     q' [B, H, S, D]    k' [B, K, T, D]
//
// join_heads brings what is left back to rows; nothing stays transposed.
#include "core/passes/attention.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

// [B, S, H * D] as [B, H, S, D].
ValueId parted(Graph& graph, ValueId rows, int64_t heads) {
  const ir::Type type = graph[rows].type;
  const Dim size = Dim(type.shape[2].constant() / heads);
  const ir::Shape apart{type.shape[0], type.shape[1], heads, size};
  const ValueId split = graph.add(Op::Reshape, {rows, graph.add_symbolic("heads", apart)});
  graph[split].type = {type.dtype, apart};
  const ValueId y = graph.add(Op::Transpose, {split}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  graph[y].type = {type.dtype, {apart[0], apart[2], apart[1], apart[3]}};
  return y;
}

bool has_rows_of_heads(const Graph& graph, const Node& node) {
  const int64_t q_heads = node.attrs.integer("q_num_heads", 0);
  const int64_t kv_heads = node.attrs.integer("kv_num_heads", 0);
  if (q_heads <= 0 || kv_heads <= 0) return false;
  for (const size_t slot : {ops::kQ, ops::kK, ops::kV}) {
    const auto& shape = graph[node.inputs[slot]].type.shape;
    if (shape.size() != 3 || !shape[2].is_constant()) return false;
    if (shape[2].constant() % (slot == ops::kQ ? q_heads : kv_heads) != 0) return false;
  }
  return true;
}

}  // namespace

Status part_heads(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (!is_attention(node) || node.outputs.size() > 1 || !has_rows_of_heads(graph, node) ||
        input(node, ops::kPastKey) != ValueId::none ||
        input(node, ops::kNonpadLength) != ValueId::none)
      continue;
    const int64_t heads = node.attrs.integer("q_num_heads", 0);
    const int64_t kv_heads = node.attrs.integer("kv_num_heads", 0);
    auto inputs = node.inputs;
    for (const size_t slot : {ops::kQ, ops::kK, ops::kV})
      inputs[slot] = parted(graph, inputs[slot], slot == ops::kQ ? heads : kv_heads);
    ir::Attrs attrs = node.attrs;
    attrs.erase("q_num_heads");
    attrs.erase("kv_num_heads");
    const ValueId y = graph.add(node.op, inputs, attrs, node.name);
    const auto q = graph[inputs[ops::kQ]].type.shape, v = graph[inputs[ops::kV]].type.shape;
    const ir::Type rows = graph[node.outputs[0]].type;
    graph[y].type = {rows.dtype, {q[0], q[1], q[2], v[3]}};
    const ValueId first =
        graph.add(Op::Transpose, {y}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
    graph[first].type = {rows.dtype, {q[0], q[2], q[1], v[3]}};
    replace_node(graph, id,
                 graph.add(Op::Reshape, {first, graph.add_symbolic("rows", rows.shape)}));
    context.note(node.name, "its heads are looked at one by one");
  }
  return {};
}

}  // namespace weft::passes
