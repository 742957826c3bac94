// drop_unread_inputs: graph inputs that no node reads any more, such as the mask that became an
// attribute, and the bounds of symbols that no dim mentions.
#include <set>

#include "core/passes/passes.h"

namespace weft::passes {

namespace {

void drop_inputs(Graph& graph, Context& context) {
  const auto users = ir::all_users(graph);
  std::erase_if(graph.inputs, [&](ValueId id) {
    if (!users[size_t(id)].empty() || graph.is_output(id)) return false;
    context.note(graph[id].name, "input is read by no node and is dropped");
    return true;
  });
}

// Symbols that no live value mentions any more need no bounds.
void drop_unused_symbols(Graph& graph, Context& context) {
  std::set<std::string> used;
  const auto collect = [&](ValueId id) {
    if (id == ValueId::none) return;
    for (const Dim& dim : graph[id].type.shape) used.merge(dim.symbols());
    if (!graph[id].contents) return;
    for (const Dim& dim : *graph[id].contents) used.merge(dim.symbols());
  };
  for (const ValueId id : graph.inputs) collect(id);
  for (const NodeId id : graph.order()) {
    for (const ValueId value : graph[id].inputs) collect(value);
    for (const ValueId value : graph[id].outputs) collect(value);
  }
  sym::Bounds bounds;
  for (const auto& [symbol, interval] : graph.bounds.all()) {
    if (used.contains(symbol))
      bounds.set(symbol, interval);
    else
      context.note("", "no size depends on " + symbol + " any more");
  }
  graph.bounds = std::move(bounds);
}

}  // namespace

Status drop_unread_inputs(Graph& graph, Context& context) {
  drop_inputs(graph, context);
  drop_unused_symbols(graph, context);
  return {};
}

}  // namespace weft::passes
