#include "tools/weft/model_facts.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/ops/attention.h"

namespace weft::cli {

namespace {

using ir::Graph;
using ir::Op;
using ir::ValueId;

int64_t elements_of(const ir::Value& value) {
  const ir::Dim count = sym::product(value.type.shape);
  return count.is_constant() ? count.constant() : 0;
}

// Adds the values that `roots` are computed from, and them.
void add_ancestors(const Graph& graph, std::vector<ValueId> roots, std::set<ValueId>& found) {
  while (!roots.empty()) {
    const ValueId value = roots.back();
    roots.pop_back();
    if (value == ValueId::none || !found.insert(value).second) continue;
    if (const ir::Node* producer = graph.producer(value))
      roots.insert(roots.end(), producer->inputs.begin(), producer->inputs.end());
  }
}

// All that angles of rotary positions are computed from.
std::set<ValueId> position_values(const Graph& graph) {
  std::set<ValueId> found;
  for (const ir::NodeId id : graph.order()) {
    const ir::Node& node = graph[id];
    if (node.op == Op::RotaryEmbedding) {
      for (size_t i = 1; i < std::min<size_t>(node.inputs.size(), 3); ++i)
        add_ancestors(graph, {node.inputs[i]}, found);
    } else if (node.op == Op::Cos || node.op == Op::Sin) {
      add_ancestors(graph, {node.inputs[0]}, found);
    }
  }
  return found;
}

std::string format_of(const ir::Value& value) {
  if (!value.quantization) return std::string(ir::name(value.type.dtype));
  std::string text(ir::name(value.quantization->storage));
  return text + ", blocks of " + std::to_string(value.quantization->block);
}

int64_t bytes_of(const Graph& graph, ValueId id) {
  return id == ValueId::none || !graph[id].constant ? 0 : int64_t(graph[id].constant->bytes.size());
}

// The constants that nodes read, each once, in order of first use.
std::vector<ValueId> constants_read(const Graph& graph) {
  std::vector<ValueId> constants;
  std::set<std::pair<const std::byte*, size_t>> seen;
  for (const ir::NodeId id : graph.order()) {
    for (const ValueId input : graph[id].inputs) {
      if (input == ValueId::none || !graph[input].constant) continue;
      const auto bytes = graph[input].constant->bytes;
      if (seen.insert({bytes.data(), bytes.size()}).second) constants.push_back(input);
    }
  }
  return constants;
}

// The weight of a product [K, N] as (K, N), or nothing.
std::optional<std::pair<int64_t, int64_t>> product_shape(const Graph& graph, const ir::Node& node) {
  if (node.op != Op::MatMul && node.op != Op::Gemm) return {};
  const ir::Value& weight = graph[node.inputs[1]];
  const auto& shape = weight.type.shape;
  if (!weight.constant || shape.size() != 2 || !shape[0].is_constant() || !shape[1].is_constant())
    return {};
  return std::pair{shape[0].constant(), shape[1].constant()};
}

void read_attention(const Graph& graph, Architecture& out) {
  int64_t layers = 0;
  for (const ir::NodeId id : graph.order()) {
    const ir::Node& node = graph[id];
    if (!ops::is_attention(node.op)) continue;
    ++layers;
    if (const int64_t heads = node.attrs.integer("q_num_heads", 0); heads > 0) out.heads = heads;
    if (const int64_t heads = node.attrs.integer("kv_num_heads", 0); heads > 0)
      out.kv_heads = heads;
    const auto& query = graph[node.inputs[0]].type.shape;
    if (query.size() == 4 && query[1].is_constant()) out.heads = query[1].constant();
    if (!out.heads || query.empty() || !query.back().is_constant()) continue;
    const int64_t width = query.back().constant();
    out.head_size = query.size() == 4 ? width : width / *out.heads;
  }
  if (layers > 0) out.layers = layers;
}

}  // namespace

WeightFacts weight_facts(const Graph& graph) {
  const std::set<ValueId> positions = position_values(graph);
  std::map<std::string, WeightFacts::Row> rows;
  WeightFacts out;
  for (const ValueId id : constants_read(graph)) {
    const ir::Value& value = graph[id];
    const int64_t elements = elements_of(value);
    const bool real = value.quantization || ir::is_float(value.type.dtype);
    if (!real || elements < 2 || positions.contains(id)) continue;
    WeightFacts::Row& row = rows[format_of(value)];
    ++row.tensors;
    row.elements += elements;
    row.bytes += bytes_of(graph, id);
    if (value.quantization) {
      row.bytes += bytes_of(graph, value.quantization->scale) +
                   bytes_of(graph, value.quantization->zero_point);
    }
    out.parameters += elements;
  }
  for (auto& [format, row] : rows) {
    row.format = format;
    out.rows.push_back(row);
  }
  std::stable_sort(out.rows.begin(), out.rows.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return out;
}

Architecture architecture(const Graph& graph) {
  Architecture out;
  read_attention(graph, out);
  // The embedding: rows of a table picked by the token ids.
  for (const ir::NodeId id : graph.order()) {
    const ir::Node& node = graph[id];
    const bool picks = node.op == Op::Gather && graph[node.inputs[0]].constant &&
                       graph[node.inputs[1]].name == "input_ids";
    if (!picks) continue;
    const auto& table = graph[node.inputs[0]].type.shape;
    if (table.size() == 2 && table[1].is_constant()) out.hidden = table[1].constant();
  }
  for (const ir::Output& output : graph.outputs) {
    const auto& shape = graph[output.value].type.shape;
    if (output.name == "logits" && !shape.empty() && shape.back().is_constant())
      out.vocabulary = shape.back().constant();
  }
  // The widest product that leads back to the hidden size.
  for (const ir::NodeId id : graph.order()) {
    const auto shape = product_shape(graph, graph[id]);
    if (!out.hidden || !out.layers || !shape || shape->second != *out.hidden) continue;
    if (shape->first != *out.hidden)
      out.feed_forward = std::max(out.feed_forward.value_or(0), shape->first);
  }
  return out;
}

}  // namespace weft::cli
