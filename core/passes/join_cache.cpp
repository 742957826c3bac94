// join_cache: keys and values that are joined to a cache outside of Attention are joined inside:
//
//   present = Concat(past, k)            y, present_k, present_v =
//   Attention(q, present_k, present_v)       Attention(q, k, v, mask, past_k, past_v)
//
// Both say the same; in the second form the cache can become a state (alias_kv_cache).
#include <optional>

#include "core/passes/attention.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

struct Cache {
  ValueId past, fresh, present;
};

// Concat(past, fresh) along the positions of [B, H, T, D], with past an input of the graph.
std::optional<Cache> cache_of(const Graph& graph, ValueId value) {
  value = Movement(graph).origin(value);
  const Node* node = graph.producer(value);
  if (!node || node->op != Op::Concat || node->inputs.size() != 2) return {};
  const int64_t axis = node->attrs.integer("axis", 0);
  if (graph[value].type.shape.size() != 4 || (axis != 2 && axis != -2)) return {};
  if (graph[node->inputs[0]].kind != ir::ValueKind::input) return {};
  return Cache{node->inputs[0], node->inputs[1], value};
}

}  // namespace

Status join_cache(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (!is_attention(node) || input(node, ops::kPastKey) != ValueId::none ||
        input(node, ops::kNonpadLength) != ValueId::none || node.outputs.size() > 1)
      continue;
    const auto key = cache_of(graph, node.inputs[1]), value = cache_of(graph, node.inputs[2]);
    if (!key || !value) continue;
    Node joined = node;
    set_input(joined, ops::kK, key->fresh);
    set_input(joined, ops::kV, value->fresh);
    set_input(joined, ops::kPastKey, key->past);
    set_input(joined, ops::kPastValue, value->past);
    const NodeId fresh = graph.add_node(node.op, joined.inputs, 3, node.attrs, node.name);
    const std::vector<ValueId> from{node.outputs[0], key->present, value->present};
    for (size_t i = 0; i < from.size(); ++i) {
      const ValueId to = graph[fresh].outputs[i];
      graph[to].type = graph[from[i]].type;
      graph.replace_uses(from[i], to);
    }
    graph.remove_node(id);
    context.note(node.name, "past and new keys and values are joined inside the Attention");
  }
  return {};
}

}  // namespace weft::passes
