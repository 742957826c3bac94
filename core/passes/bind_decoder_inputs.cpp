// Gives the inputs of a decoder their roles, by what reads them, and their standard names:
//
//   input_ids       i64 [1, seq]            read as indices by the embedding's Gather
//   position_ids    i64 [1, seq]            read as positions by RotaryEmbedding
//   past caches     f32 [1, H, past, D]     read by Attention (alias_kv_cache makes them states)
//
// The symbols of their dims become `seq` and `past`; batch is bound to 1; inputs nobody reads go.
// Exporters name and order inputs freely (all keys then all values, or interleaved), so names are
// only a tie-break.
#include <algorithm>
#include <set>

#include "core/passes/passes.h"

namespace weft::passes {

using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::Value;
using ir::ValueId;

namespace {

// The input that node input `slot` comes from, through casts and reshapes that keep its elements.
ValueId traced_input(const Graph& graph, const Node& node, size_t slot) {
  if (slot >= node.inputs.size()) return ValueId::none;
  ValueId id = node.inputs[slot];
  while (id != ValueId::none) {
    const Node* producer = graph.producer(id);
    if (!producer) break;
    const bool transparent = producer->op == Op::Cast || producer->op == Op::Identity ||
                             producer->op == Op::Reshape || producer->op == Op::Unsqueeze;
    if (!transparent) return ValueId::none;
    id = producer->inputs[0];
  }
  return id != ValueId::none && graph[id].kind == ir::ValueKind::input ? id : ValueId::none;
}

struct Roles {
  ValueId ids = ValueId::none;
  ValueId positions = ValueId::none;
  std::vector<ValueId> past;
};

Roles find_roles(const Graph& graph) {
  Roles roles;
  for (const ir::NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (node.op == Op::Gather && graph[node.inputs[0]].kind == ir::ValueKind::constant) {
      const ValueId input = traced_input(graph, node, 1);
      const bool is_ids = input != ValueId::none && graph[input].type.shape.size() == 2 &&
                          ir::is_integer(graph[input].type.dtype);
      // A second table (learnt positions, token types) is told apart by name only.
      if (is_ids && (roles.ids == ValueId::none || graph[input].name == "input_ids"))
        roles.ids = input;
    }
    if (node.op == Op::RotaryEmbedding && roles.positions == ValueId::none) {
      roles.positions = traced_input(graph, node, 3);
    }
    if (node.op != Op::Attention) continue;
    for (const size_t slot : {4, 5}) {
      const ValueId input = slot < node.inputs.size() ? node.inputs[slot] : ValueId::none;
      if (input != ValueId::none && graph[input].kind == ir::ValueKind::input)
        roles.past.push_back(input);
    }
  }
  return roles;
}

// Adds `from` := `to` to a substitution when `from` is a bare symbol and not `to` already.
void rename(sym::Substitution& by, const Dim& from, const Dim& to) {
  if (const auto symbol = from.as_symbol(); symbol && from != to) by.emplace(*symbol, to);
}

void drop_unread_inputs(Graph& graph, Context& context) {
  const auto users = ir::all_users(graph);
  std::erase_if(graph.inputs, [&](ValueId id) {
    if (!users[size_t(id)].empty() || graph.is_output(id)) return false;
    context.note(graph[id].name, "input is read by no node and is dropped");
    return true;
  });
}

// Symbols that no live value mentions any more need no bounds.
void drop_unused_symbols(Graph& graph) {
  std::set<std::string> used;
  const auto collect = [&](ValueId id) {
    if (id == ValueId::none) return;
    for (const Dim& dim : graph[id].type.shape) used.merge(dim.symbols());
    if (!graph[id].contents) return;
    for (const Dim& dim : *graph[id].contents) used.merge(dim.symbols());
  };
  for (const ValueId id : graph.inputs) collect(id);
  for (const ir::NodeId id : graph.order()) {
    for (const ValueId value : graph[id].inputs) collect(value);
    for (const ValueId value : graph[id].outputs) collect(value);
  }
  sym::Bounds bounds;
  for (const auto& [symbol, interval] : graph.bounds.all()) {
    if (used.contains(symbol)) bounds.set(symbol, interval);
  }
  graph.bounds = std::move(bounds);
}

}  // namespace

Status bind_decoder_inputs(Graph& graph, Context& context) {
  // What only dead nodes read (shape arithmetic of a folded mask) does not count as read.
  TRY(graph.collect_and_sort());
  const Roles roles = find_roles(graph);
  if (roles.ids == ValueId::none) {
    context.note("", "no input is read as token ids; the graph is not treated as a decoder");
    return {};
  }
  sym::Substitution by;
  rename(by, graph[roles.ids].type.shape[0], Dim(1));
  rename(by, graph[roles.ids].type.shape[1], Dim::symbol("seq"));
  for (const ValueId id : roles.past) {
    const auto& shape = graph[id].type.shape;
    if (shape.size() == 4) rename(by, shape[2], Dim::symbol("past"));
  }
  graph.substitute(by);
  graph[roles.ids].name = "input_ids";
  if (roles.positions != ValueId::none) graph[roles.positions].name = "position_ids";
  graph.bounds.set("seq", {1, context.options.chunk});
  graph.bounds.set("past", {0, context.options.capacity - 1});
  drop_unread_inputs(graph, context);
  drop_unused_symbols(graph);
  return {};
}

}  // namespace weft::passes
