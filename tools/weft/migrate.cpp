#include "tools/weft/migrate.h"

#include <algorithm>
#include <cmath>

#include "core/ir/verify.h"
#include "core/ops/infer_graph.h"
#include "core/passes/constants.h"

namespace weft::cli {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

std::vector<double> factors_of(const Graph& graph, const LinearGroup& group,
                               const quant::ActivationStats& stats, double alpha) {
  const auto largest = stats.largest_of_channels();
  std::vector<double> weights(largest.size(), 0), factors(largest.size());
  for (const LinearProduct& product : group.products) {
    const auto reals = reals_of(graph, product.weight);
    const auto columns = size_t(columns_of(graph, product.weight));
    for (size_t i = 0; i < reals.size(); ++i) {
      double& row = weights[i / columns];
      row = std::max(row, double(std::abs(reals[i])));
    }
  }
  double logs = 0;
  for (size_t k = 0; k < factors.size(); ++k) {
    const double x = std::max(double(largest[k]), 1e-5), w = std::max(weights[k], 1e-5);
    factors[k] = std::pow(x, alpha) / std::pow(w, 1 - alpha);
    logs += std::log(factors[k]);
  }
  const double mean = std::exp(logs / double(factors.size()));
  for (double& factor : factors) factor /= mean;
  return factors;
}

// Whether nothing but the group's products reads its input.
bool reads_alone(const Graph& graph, const LinearGroup& group) {
  return graph.users(group.input).size() == group.products.size() && !graph.is_output(group.input);
}

// The product behind one factor of a Mul, used nowhere else; none where neither is.
NodeId product_behind(const Graph& graph, const Node& mul) {
  for (const ValueId input : mul.inputs) {
    const Node* node = graph.producer(input);
    const bool product = node && node->op == Op::MatMul &&
                         graph[node->inputs[1]].kind == ir::ValueKind::constant &&
                         graph[node->inputs[1]].type.shape.size() == 2;
    if (product && graph.users(input).size() == 1) return graph[input].producer;
  }
  return NodeId::none;
}

void scale_columns(Graph& graph, NodeId product, std::span<const double> factors) {
  const ValueId weight = graph[product].inputs[1];
  auto reals = reals_of(graph, weight);
  const size_t columns = factors.size();
  for (size_t i = 0; i < reals.size(); ++i)
    reals[i] = float(double(reals[i]) / factors[i % columns]);
  graph[product].inputs[1] = add_reals(graph, graph[weight].name + "/migrated", reals,
                                       {rows_of(graph, weight), columns_of(graph, weight)});
}

// Takes the factors out of what makes the group's input.
bool take_out(Graph& graph, const LinearGroup& group, std::span<const double> factors) {
  const Node* maker = graph.producer(group.input);
  if (!maker) return false;
  if (maker->op == Op::RMSNormalization) {
    const ValueId weight = maker->inputs[1];
    const auto gains = passes::constant_array(graph[weight]);
    if (!gains || gains->count() != int64_t(factors.size())) return false;
    std::vector<float> reals;
    for (size_t k = 0; k < factors.size(); ++k)
      reals.push_back(float(ops::load(*gains, int64_t(k)) / factors[k]));
    const NodeId norm = graph[group.input].producer;
    graph[norm].inputs[1] =
        add_reals(graph, graph[weight].name + "/migrated", reals, {int64_t(factors.size())});
    return true;
  }
  if (maker->op != Op::Mul) return false;
  const NodeId product = product_behind(graph, *maker);
  if (product == NodeId::none) return false;
  const auto columns = size_t(columns_of(graph, graph[product].inputs[1]));
  if (columns != factors.size()) return false;
  scale_columns(graph, product, factors);
  return true;
}

void put_in(Graph& graph, const LinearGroup& group, std::span<const double> factors) {
  for (const LinearProduct& product : group.products) {
    const ValueId weight = graph[product.node].inputs[1];
    auto reals = reals_of(graph, weight);
    const auto columns = size_t(columns_of(graph, weight));
    for (size_t i = 0; i < reals.size(); ++i)
      reals[i] = float(double(reals[i]) * factors[i / columns]);
    graph[product.node].inputs[1] = add_reals(graph, graph[weight].name + "/migrated", reals,
                                              {rows_of(graph, weight), int64_t(columns)});
  }
}

}  // namespace

Result<size_t> migrate(Graph& graph, std::span<const LinearGroup> groups,
                       std::span<const quant::ActivationStats> stats, double alpha) {
  size_t done = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].head() || !reads_alone(graph, groups[i])) continue;
    const auto factors = factors_of(graph, groups[i], stats[i], alpha);
    if (!take_out(graph, groups[i], factors)) continue;
    put_in(graph, groups[i], factors);
    ++done;
  }
  TRY(graph.collect_and_sort());
  TRY(ops::infer_types(graph));
  TRY(ir::verify(graph));
  return done;
}

}  // namespace weft::cli
