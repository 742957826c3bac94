#include "tools/weft/linear_groups.h"

#include <map>

#include "tools/weft/weight_lines.h"

namespace weft::cli {

using ir::Graph;
using ir::ValueId;

std::vector<LinearGroup> find_linear_groups(const Graph& graph) {
  std::map<ir::NodeId, bool> is_head;
  for (const WeightLines& weight : find_weights(graph))
    for (const WeightReader& reader : weight.readers)
      if (reader.product) is_head[reader.node] = weight.head;
  std::vector<LinearGroup> groups;
  std::map<std::pair<ValueId, bool>, size_t> of_input;
  for (const ir::NodeId id : graph.order()) {
    const ir::Node& node = graph[id];
    // A weight behind a Transpose is none here: canonical graphs have it column-major.
    const bool product = node.op == ir::Op::MatMul && is_head.contains(id) &&
                         graph[node.inputs[1]].kind == ir::ValueKind::constant &&
                         graph[node.inputs[0]].kind == ir::ValueKind::activation &&
                         graph[node.inputs[0]].type.dtype == ir::DType::f32;
    if (!product) continue;
    LinearProduct one{id, node.name, node.inputs[1], is_head[id]};
    if (one.name.empty()) one.name = graph[one.weight].name;
    const auto [at, fresh] = of_input.emplace(std::pair(node.inputs[0], one.head), groups.size());
    if (fresh) groups.push_back({one.name, node.inputs[0], {}});
    groups[at->second].products.push_back(std::move(one));
  }
  return groups;
}

int64_t rows_of(const Graph& graph, ValueId weight) {
  return graph[weight].type.shape[0].constant();
}
int64_t columns_of(const Graph& graph, ValueId weight) {
  return graph[weight].type.shape[1].constant();
}

std::vector<float> reals_of(const Graph& graph, ValueId weight) {
  ops::ArrayQuantization codes;
  const ops::Array array = constant_view(graph, graph[weight], codes);
  const auto rows = size_t(rows_of(graph, weight)), columns = size_t(columns_of(graph, weight));
  std::vector<float> reals(rows * columns);
  // By columns where those are what lies together: codes are decoded a line at a time.
  const bool by_column = graph[weight].column_major;
  std::vector<double> line(by_column ? rows : columns);
  for (size_t i = 0; i < (by_column ? columns : rows); ++i) {
    ops::load_line(array, int64_t(i), by_column, line);
    for (size_t j = 0; j < line.size(); ++j)
      reals[by_column ? j * columns + i : i * columns + j] = float(line[j]);
  }
  return reals;
}

ValueId add_reals(Graph& graph, const std::string& name, std::span<const float> reals,
                  std::vector<int64_t> dims) {
  const auto bytes = std::as_bytes(reals);
  ir::Type type{ir::DType::f32, {}};
  for (const int64_t dim : dims) type.shape.push_back(ir::Dim(dim));
  return graph.add_constant(name, std::move(type), ir::make_constant({bytes.begin(), bytes.end()}));
}

std::vector<double> weight_energy(const Graph& graph, const LinearGroup& group) {
  std::vector<double> energy(size_t(rows_of(graph, group.products[0].weight)), 0);
  for (const LinearProduct& product : group.products) {
    const auto reals = reals_of(graph, product.weight);
    const auto columns = size_t(columns_of(graph, product.weight));
    for (size_t i = 0; i < reals.size(); ++i)
      energy[i / columns] += double(reals[i]) * double(reals[i]);
  }
  return energy;
}

}  // namespace weft::cli
