// Nodes that compute the same from the same become one, as do equal constants: exporters emit the
// angles of the rotary embedding once per layer, and every scalar once per use.
#include <map>
#include <tuple>

#include "core/passes/passes.h"

namespace weft::passes {

using ir::Value;
using ir::ValueKind;

namespace {

// Type, bytes, reading order and codes of a constant.
std::string identity(const Value& value) {
  std::string text = str(value.type) + (value.column_major ? "'" : "");
  for (const uint64_t part : value.constant->content_id) text += "," + std::to_string(part);
  if (const auto& q = value.quantization) {
    for (const int64_t part :
         {int64_t(q->storage), q->block, int64_t(q->scale), int64_t(q->zero_point)})
      text += "," + std::to_string(part);
    text += "," + std::to_string(q->zero);
  }
  return text;
}

std::string identity(const std::vector<Dim>& contents, const ir::Type& type) {
  std::string text = str(type) + " is";
  for (const Dim& dim : contents) text += "," + dim.str();
  return text;
}

// Small leaves only: a weight that two nodes share is one value already, and a duplicate of a big
// one is found by its id wherever bytes are held.
bool merges(const Value& value) {
  if (value.kind == ValueKind::symbolic) return true;
  return value.kind == ValueKind::constant && !value.constant->opaque;
}

size_t merge_leaves(Graph& graph) {
  std::map<std::string, ValueId> first;
  size_t merged = 0;
  const auto order = graph.order();
  for (const NodeId id : order) {
    for (size_t i = 0; i < graph[id].inputs.size(); ++i) {
      const ValueId input = graph[id].inputs[i];
      if (input == ValueId::none || !merges(graph[input])) continue;
      const Value& value = graph[input];
      const std::string key = value.kind == ValueKind::symbolic
                                  ? identity(*value.contents, value.type)
                                  : identity(value);
      const ValueId same = first.emplace(key, input).first->second;
      if (same == input) continue;
      graph[id].inputs[i] = same;
      ++merged;
    }
  }
  return merged;
}

}  // namespace

Status merge_duplicates(Graph& graph, Context& context) {
  const size_t leaves = merge_leaves(graph);
  using Key = std::tuple<Op, std::vector<ValueId>, size_t>;
  std::multimap<Key, NodeId> seen;
  size_t merged = 0;
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    const Key key{node.op, node.inputs, node.outputs.size()};
    const auto [from, to] = seen.equal_range(key);
    auto same = from;
    while (same != to && !(graph[same->second].attrs == node.attrs)) ++same;
    if (same == to) {
      seen.emplace(key, id);
      continue;
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == ValueId::none) continue;
      ValueId& kept = graph[same->second].outputs[i];
      if (kept == ValueId::none) {
        kept = node.outputs[i];
        graph[kept].producer = same->second;
      } else {
        graph.replace_uses(node.outputs[i], kept);
      }
    }
    graph.remove_node(id);
    ++merged;
  }
  if (leaves > 0)
    context.note("",
                 std::to_string(leaves) + " uses of equal constants and sizes read one of them");
  if (merged > 0) context.note("", std::to_string(merged) + " nodes repeat others and are merged");
  return {};
}

}  // namespace weft::passes
