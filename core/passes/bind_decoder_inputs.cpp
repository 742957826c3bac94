// Gives the inputs of a decoder their roles, by what reads them, and their standard names:
//
//   input_ids       i64 [1, seq]            read as indices by the embedding's Gather
//   position_ids    i64 [1, seq]            read as positions by RotaryEmbedding, or so named
//   attention_mask  i64 [1, past + seq]     longer than the ids, and so named: all ones
//   past caches     f32 [1, H, past, D]     read by Attention, or joined to new positions by Concat
//
// The symbols of their dims become `seq` and `past`; batch is bound to 1. Exporters name and order
// inputs freely (all keys then all values, or interleaved), so names decide only where structure
// does not.
#include <algorithm>

#include "core/passes/attention.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"

namespace weft::passes {

using ir::Value;

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
  ValueId mask = ValueId::none;
  std::vector<ValueId> past;
};

bool is_graph_input(const Graph& graph, ValueId id) {
  return id != ValueId::none && graph[id].kind == ir::ValueKind::input;
}

bool is_integer_matrix(const Graph& graph, ValueId id) {
  return graph[id].type.shape.size() == 2 && ir::is_integer(graph[id].type.dtype);
}

// Inputs of rank 4 that an Attention takes as past, or that a Concat along the positions extends.
void find_past(const Graph& graph, const Node& node, std::vector<ValueId>& past) {
  const auto add = [&](ValueId id) {
    if (is_graph_input(graph, id) && graph[id].type.shape.size() == 4) past.push_back(id);
  };
  if (is_attention(node)) {
    for (const size_t slot : {ops::kPastKey, ops::kPastValue}) add(input(node, slot));
  }
  const int64_t axis = node.attrs.integer("axis", 0);
  if (node.op == Op::Concat && node.inputs.size() == 2 && (axis == 2 || axis == -2))
    add(Movement(graph).origin(node.inputs[0]));
}

// Roles that only names tell apart.
void find_by_name(const Graph& graph, Roles& roles) {
  const auto holds = [](const std::string& name, const char* part) {
    return name.find(part) != std::string::npos;
  };
  for (const ValueId id : graph.inputs) {
    if (id == roles.ids || !is_integer_matrix(graph, id)) continue;
    const Value& value = graph[id];
    const bool as_long = value.type.shape[1] == graph[roles.ids].type.shape[1];
    if (as_long && roles.positions == ValueId::none && holds(value.name, "position"))
      roles.positions = id;
    if (!as_long && !roles.past.empty() && holds(value.name, "mask")) roles.mask = id;
  }
}

Roles find_roles(const Graph& graph) {
  Roles roles;
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (node.op == Op::Gather && graph[node.inputs[0]].kind == ir::ValueKind::constant) {
      const ValueId input = traced_input(graph, node, 1);
      const bool is_ids = input != ValueId::none && is_integer_matrix(graph, input);
      // A second table (learnt positions, token types) is told apart by name only.
      if (is_ids && (roles.ids == ValueId::none || graph[input].name == "input_ids"))
        roles.ids = input;
    }
    if (node.op == Op::RotaryEmbedding && roles.positions == ValueId::none) {
      roles.positions = traced_input(graph, node, 3);
    }
    find_past(graph, node, roles.past);
  }
  if (roles.ids != ValueId::none) find_by_name(graph, roles);
  return roles;
}

// Adds `from` := `to` to a substitution when `from` is a bare symbol and not `to` already.
void rename(sym::Substitution& by, const Dim& from, const Dim& to) {
  if (const auto symbol = from.as_symbol(); symbol && from != to) by.emplace(*symbol, to);
}

}  // namespace

Status bind_decoder_inputs(Graph& graph, Context& context) {
  // What only dead nodes read (shape arithmetic of a folded mask) does not count as read.
  TRY(graph.collect_and_sort());
  const Roles roles = find_roles(graph);
  if (roles.ids == ValueId::none) {
    context.leave("", "no input is read as token ids; the graph is not treated as a decoder");
    return {};
  }
  sym::Substitution by;
  rename(by, graph[roles.ids].type.shape[0], Dim(1));
  const int64_t longest = graph.bounds.of(graph[roles.ids].type.shape[1]).hi;
  rename(by, graph[roles.ids].type.shape[1], Dim::symbol("seq"));
  for (const ValueId id : roles.past) {
    const auto& shape = graph[id].type.shape;
    if (shape.size() == 4) rename(by, shape[2], Dim::symbol("past"));
  }
  graph.substitute(by);
  if (roles.mask != ValueId::none) {
    sym::Substitution length;
    rename(length, graph[roles.mask].type.shape[1], Dim::symbol("past") + Dim::symbol("seq"));
    graph.substitute(length);
    graph[roles.mask].name = "attention_mask";
  }
  graph[roles.ids].name = "input_ids";
  if (roles.positions != ValueId::none) graph[roles.positions].name = "position_ids";
  context.note("", "'" + graph[roles.ids].name + "' gives the token ids [1, seq]" +
                       (roles.past.empty() ? std::string("; no input is a cache")
                                           : ", and " + std::to_string(roles.past.size()) +
                                                 " inputs are caches of `past` positions"));
  graph.bounds.set("seq", {1, std::min(context.options.chunk, longest)});
  graph.bounds.set("past", {0, context.options.capacity - 1});
  return {};
}

}  // namespace weft::passes
