// group_heads: an Attention whose keys and values repeat each head n times (repeat_kv of grouped
// queries) reads the heads that are repeated instead:
//
//   k[b, h, j, d] = k'[b, h / n, j, d]      becomes      Attention(q, k', v')
//
// which is what Attention means when q has more heads than k. Ainslie et al., "GQA", 2023.
#include "core/passes/attention.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"

namespace weft::passes {

namespace {

// The value of fewest heads that `value`, [B, H, T, D], repeats.
ValueId shared_heads(const Graph& graph, ValueId value, int64_t heads) {
  Movement movement(graph);
  const auto index = movement.indices(value);
  ValueId found = value;
  for (const Place& place : movement.trail({value, index})) {
    const auto& shape = graph[place.value].type.shape;
    if (shape.size() != 4 || !shape[1].is_constant() || shape[1].constant() <= 0) continue;
    const int64_t repeats = heads / shape[1].constant();
    if (heads % shape[1].constant() != 0) continue;
    const Dim head = shape[1] == Dim(1) ? Dim(0) : floordiv(index[1], repeats);
    if (place.index == std::vector<Dim>{index[0], head, index[2], index[3]}) found = place.value;
  }
  return found;
}

}  // namespace

Status group_heads(Graph& graph, Context& context) {
  for (const NodeId id : graph.order()) {
    if (!is_attention(graph[id])) continue;
    const auto& k = graph[graph[id].inputs[1]].type.shape;
    const auto& v = graph[graph[id].inputs[2]].type.shape;
    if (k.size() != 4 || v.size() != 4 || k[1] != v[1] || !k[1].is_constant()) continue;
    const ValueId key = shared_heads(graph, graph[id].inputs[1], k[1].constant());
    const ValueId value = shared_heads(graph, graph[id].inputs[2], k[1].constant());
    const Dim heads = graph[key].type.shape[1];
    if (heads == k[1] || graph[value].type.shape[1] != heads) continue;
    graph[id].inputs[1] = key;
    graph[id].inputs[2] = value;
    context.note(graph[id].name, "keys and values of " + heads.str() + " heads serve " +
                                     k[1].str() + " query heads without being repeated");
  }
  return {};
}

}  // namespace weft::passes
