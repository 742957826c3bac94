// KV cache as sub-tensors: one storage per cache, nothing copied.
//
//   past_key [1,H,past,D] --+                       cache [1,capacity,H*D] (state)
//   k [1,seq,H*D] ---- Attention ----> present      k, written straight into cache at row past
//                                                   all = TensorScatter(cache, k, past)   in place
//                                                   Attention(q, all, ..., length = past + seq)
//
// The producer of k writes into its view of the state, so that TensorScatter finds its update
// already in place and moves nothing; it stays in the graph as the dependency between writer and
// reader, and for backends that cannot write into a view. ONNX's own semantics hold throughout
// (TensorScatter-24, Attention-24 with nonpad_kv_seqlen).
//
// Where the cache is to be of halves, a Cast of k is what writes into the state, and SinkAttention,
// which widens what it reads, takes the place of Attention:
//
//   half = Cast(k)      written straight into cache at row past
//   SinkAttention(q, TensorScatter(cache, half, past), ..., length = past + seq)
//
// Where it is to be of codes (i8), QuantizeRows does what the Cast does, head by head.
//
// Transformer-Lite (Li et al., 2024), KV cache optimisation by sub-tensors.
#include "core/passes/attention.h"
#include "core/passes/passes.h"
#include "quant/code_rows.h"

namespace weft::passes {

namespace {

// Why this Attention's cache cannot be a state, or empty.
std::string obstacle(const Graph& graph, const Node& node) {
  if (input(node, ops::kNonpadLength) != ValueId::none) return "its cache is external already";
  if (node.outputs.size() < 3) return "its present key and value are not outputs";
  for (const size_t i : {size_t(0), size_t(1)}) {
    const ValueId past = input(node, ops::kPastKey + i);
    const ValueId present = node.outputs[1 + i];
    const ValueId fresh = input(node, ops::kK + i);
    if (past == ValueId::none) return "it has no past";
    if (graph[past].kind != ir::ValueKind::input) return "its past is computed, not an input";
    if (graph.users(past).size() != 1) return "another node reads its past";
    if (present == ValueId::none || !graph.is_output(present))
      return "its present is no graph output";
    if (!graph.users(present).empty()) return "another node reads its present";
    if (graph[fresh].type.shape.size() != 3)
      return "key and value are not [batch, seq, heads * size]";
    if (graph[past].type.shape[2] != Dim::symbol("past"))
      return "the length of its past is not `past`";
    if (!graph[fresh].type.shape[2].is_constant()) return "the width of key or value is not fixed";
    if (graph[fresh].type.dtype != graph[past].type.dtype) return "past and present differ in type";
  }
  return {};
}

// Elements of a head of keys or values, which are [batch, seq, heads * size].
int64_t head_size(const Graph& graph, const Node& attention, size_t slot) {
  const Dim& width = graph[attention.inputs[slot]].type.shape[2];
  return width.constant() / attention.attrs.integer("kv_num_heads", 1);
}

// Keys or values in the elements of their cache.
ValueId narrowed(Graph& graph, ValueId fresh, int64_t size, const std::string& name,
                 ir::DType dtype) {
  if (dtype == ir::DType::i8)
    return graph.add(Op::QuantizeRows, {fresh}, {{"size", size}}, name + ".codes");
  return graph.add(Op::Cast, {fresh}, {{"to", int64_t(dtype)}}, name + ".cast");
}

// The state of elements `dtype` for the key or value in `slot`, which is placed into it where its
// producer may write there.
ValueId make_state(Graph& graph, NodeId attention, size_t slot, const std::string& name,
                   ir::DType dtype, ValueId position, const Context& context) {
  ValueId fresh = graph[attention].inputs[slot];
  const int64_t size = head_size(graph, graph[attention], slot);
  const bool codes = dtype == ir::DType::i8;
  Dim width = graph[fresh].type.shape[2];
  if (codes) width = width.constant() / size * quant::code_row_bytes(size);
  const ValueId state = graph.add_state(name, {dtype, {1, context.options.capacity, width}});
  const bool narrows = dtype != graph[fresh].type.dtype;
  if (narrows) fresh = narrowed(graph, fresh, size, name, dtype);
  const Node* producer = graph.producer(fresh);
  const bool placeable =
      narrows || (producer && !graph.is_output(fresh) && !graph[fresh].placement &&
                  graph.users(fresh) == std::vector<NodeId>{attention});
  if (placeable) graph[fresh].placement = ir::Placement{state, Dim::symbol("past") * width};
  const ValueId all =
      graph.add(Op::TensorScatter, {state, fresh, position}, {{"axis", int64_t{1}}}, name);
  graph[all].placement = ir::Placement{state, 0};
  return all;
}

void drop_output(Graph& graph, ValueId value) {
  std::erase_if(graph.outputs, [&](const ir::Output& output) { return output.value == value; });
}

}  // namespace

Status alias_kv_cache(Graph& graph, Context& context) {
  const Dim past = Dim::symbol("past"), seq = Dim::symbol("seq");
  const ValueId position = graph.add_symbolic("cache_position", {past});
  const ValueId length = graph.add_symbolic("cache_length", {past + seq});
  const auto order = graph.order();
  size_t layer = 0, states = 0;
  for (const NodeId id : order) {
    if (!is_attention(graph[id])) continue;
    const std::string name = "cache." + std::to_string(layer++);
    if (const std::string why = obstacle(graph, graph[id]); !why.empty()) {
      context.leave(graph[id].name, "its cache is not updated in place: " + why);
      continue;
    }
    const Node node = graph[id];
    const ir::DType key_type = context.options.key_type, value_type = context.options.value_type;
    const ValueId key = make_state(graph, id, ops::kK, name + ".key", key_type, position, context);
    const ValueId value =
        make_state(graph, id, ops::kV, name + ".value", value_type, position, context);
    const ir::DType query_type = graph[node.inputs[ops::kQ]].type.dtype;
    const bool mixed = key_type != query_type || value_type != query_type;
    Node placed = node;
    set_input(placed, ops::kNonpadLength, length);
    set_input(placed, ops::kK, key);
    set_input(placed, ops::kV, value);
    set_input(placed, ops::kPastKey, ValueId::none);
    set_input(placed, ops::kPastValue, ValueId::none);
    if (value_type == ir::DType::i8)
      placed.attrs.set("v_head_size", head_size(graph, node, ops::kV));
    const ir::Op op = mixed ? Op::SinkAttention : node.op;
    const ValueId y = graph.add(op, placed.inputs, placed.attrs, node.name);
    graph.replace_uses(node.outputs[0], y);
    for (const size_t i : {size_t(0), size_t(1)}) {
      drop_output(graph, node.outputs[1 + i]);
      std::erase(graph.inputs, node.inputs[ops::kPastKey + i]);
    }
    graph.remove_node(id);
    states += 2;
  }
  if (states > 0) context.note("", std::to_string(states) + " caches are states, written in place");
  return {};
}

}  // namespace weft::passes
