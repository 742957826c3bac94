#include "tools/weft/weight_lines.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace weft::cli {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

bool is_matrix(const Graph& graph, ValueId id) {
  if (id == ValueId::none) return false;
  const ir::Value& value = graph[id];
  return value.kind == ir::ValueKind::constant && value.type.shape.size() == 2 &&
         ir::is_float(value.type.dtype) && !value.constant->opaque &&
         value.type.shape[0].constant() > 0 && value.type.shape[1].constant() > 0;
}

// Whether a value is the model's token ids, in whatever shape and type.
bool is_token_ids(const Graph& graph, ValueId id) {
  while (const Node* node = graph.producer(id)) {
    const bool moves = node->op == Op::Reshape || node->op == Op::Cast || node->op == Op::Squeeze ||
                       node->op == Op::Unsqueeze;
    if (!moves) return false;
    id = node->inputs[0];
  }
  return id != ValueId::none && graph[id].kind == ir::ValueKind::input &&
         graph[id].name == "input_ids";
}

struct Matrix {
  ValueId constant = ValueId::none;
  bool transposed = false;  // a Transpose is between it and the reader
};
Matrix matrix_behind(const Graph& graph, ValueId id) {
  if (is_matrix(graph, id)) return {id, false};
  const Node* move = id == ValueId::none ? nullptr : graph.producer(id);
  if (!move || move->op != Op::Transpose || !is_matrix(graph, move->inputs[0])) return {};
  const auto perm = move->attrs.integers("perm");
  const bool swaps = perm.empty() || perm == std::vector<int64_t>{1, 0};
  return {swaps ? move->inputs[0] : ValueId::none, true};
}

// Products that no other product comes after on the way to the logits, or to the first output.
std::set<NodeId> heads_of(const Graph& graph) {
  std::set<NodeId> heads;
  std::set<ValueId> seen;
  std::vector<ValueId> open;
  for (const ir::Output& output : graph.outputs)
    if (output.name == "logits") open = {output.value};
  if (open.empty() && !graph.outputs.empty()) open = {graph.outputs[0].value};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (id == ValueId::none || !seen.insert(id).second || !graph.producer(id)) continue;
    const NodeId producer = graph[id].producer;
    if (graph[producer].op == Op::MatMul) {
      heads.insert(producer);
    } else {
      for (const ValueId input : graph[producer].inputs) open.push_back(input);
    }
  }
  return heads;
}

}  // namespace

bool is_line_major(const Graph& graph, const WeightLines& weight) {
  return graph[weight.constant].column_major == weight.columns;
}
int64_t line_count(const Graph& graph, const WeightLines& weight) {
  return graph[weight.constant].type.shape[weight.columns ? 1 : 0].constant();
}
int64_t line_length(const Graph& graph, const WeightLines& weight) {
  return graph[weight.constant].type.shape[weight.columns ? 0 : 1].constant();
}

std::vector<WeightLines> find_weights(const Graph& graph) {
  // Two values of the same bytes and lines are one weight, such as a table and its transpose.
  using Key = std::tuple<std::array<uint64_t, 2>, size_t, bool, int64_t>;
  std::map<Key, size_t> found;
  std::vector<WeightLines> weights;
  const std::set<NodeId> heads = heads_of(graph);
  const auto add = [&](ValueId constant, bool columns, const WeightReader& reader) {
    WeightLines weight{graph[reader.node].name, constant, columns, false, {}};
    if (weight.name.empty()) weight.name = graph[constant].name;
    const ir::Constant& data = *graph[constant].constant;
    const Key key{data.content_id, data.bytes.size(), is_line_major(graph, weight),
                  line_length(graph, weight)};
    const auto [entry, fresh] = found.emplace(key, weights.size());
    if (fresh) weights.push_back(std::move(weight));
    weights[entry->second].readers.push_back(reader);
    weights[entry->second].head |= reader.product && heads.contains(reader.node);
  };
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    const bool product = node.op == Op::MatMul;
    const bool table = node.op == Op::Gather && node.attrs.integer("axis", 0) == 0 &&
                       is_token_ids(graph, node.inputs[1]);
    if (!product && !table) continue;
    const size_t input = product ? 1 : 0;
    const Matrix matrix = matrix_behind(graph, node.inputs[input]);
    if (matrix.constant == ValueId::none) continue;
    add(matrix.constant, product != matrix.transposed, {id, input, product});
  }
  return weights;
}

ops::Array constant_view(const Graph& graph, const ir::Value& value,
                         ops::ArrayQuantization& codes) {
  ops::Array array;
  array.dtype = value.type.dtype;
  for (const ir::Dim& dim : value.type.shape) array.shape.push_back(dim.constant());
  array.strides = ops::row_major(array.shape);
  if (value.column_major) array.strides = {1, array.shape[0]};
  array.data = const_cast<std::byte*>(value.constant->bytes.data());
  array.column_major = value.column_major;
  if (!value.quantization) return array;
  const ir::Quantization& q = *value.quantization;
  codes.storage = q.storage;
  codes.block = q.block;
  codes.zero = q.zero;
  codes.scale = reinterpret_cast<const float*>(graph[q.scale].constant->bytes.data());
  if (q.zero_point != ValueId::none) {
    const std::byte* zeros = graph[q.zero_point].constant->bytes.data();
    if (graph[q.zero_point].type.dtype == ir::DType::u8) {
      codes.zero_u8 = reinterpret_cast<const uint8_t*>(zeros);
    } else {
      codes.zero_f32 = reinterpret_cast<const float*>(zeros);
    }
  }
  array.quantization = &codes;
  return array;
}

}  // namespace weft::cli
