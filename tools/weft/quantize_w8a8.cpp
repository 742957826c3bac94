#include "tools/weft/quantize_w8a8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/ir/verify.h"
#include "core/ops/infer_graph.h"
#include "tools/weft/migrate.h"
#include "tools/weft/rotate.h"

namespace weft::cli {

using ir::DType;
using ir::Graph;
using ir::Op;
using ir::ValueId;
using quant::ActivationStats;

namespace {

constexpr double kPercentile = 0.999;
// Of a linear's channels, how many may be hot: the paper has less than 3 % for most of the
// outliers, and that keeps the rows of weights under 1 % of a model with shadows on a quarter of
// its linears.
constexpr double kHotShare = 0.03;
// What codes of least error may lose before a linear gets a shadow, of the squares that are left
// when the largest thousandth of x is set aside: 26 dB. Of all squares, one token of huge
// activations would hide that the codes of every other are coarse.
constexpr double kMostError = 0.0025;

Result<std::vector<ActivationStats>> statistics(const Graph& graph,
                                                const std::vector<LinearGroup>& groups,
                                                const CalibrationText& text,
                                                const std::vector<host::PluginPtr>& plugins) {
  std::vector<ActivationStats> stats;
  std::vector<ValueId> values;
  for (const LinearGroup& group : groups) {
    stats.emplace_back(rows_of(graph, group.products[0].weight), weight_energy(graph, group));
    values.push_back(group.input);
  }
  const auto read = [&](size_t index, std::span<const float> rows) -> Status {
    if (stats[index].add(rows)) return {};
    return Error("the input of '" + groups[index].name + "' has a NaN or an infinity");
  };
  TRY(read_values(graph, values, text, plugins, read), "calibration");
  return stats;
}

// The step, among largest / 127 and its halvings by quarter octaves, of least error.
double least_error_step(const ActivationStats& stats) {
  const double widest = double(stats.largest()) / 127;
  double best = widest, least = stats.noise(widest, true);
  for (int quarter = 1; quarter < 40; ++quarter) {
    const double step = widest * std::exp2(-0.25 * quarter), noise = stats.noise(step, true);
    if (noise < least) least = noise, best = step;
  }
  return best;
}

double step_of(const ActivationStats& stats, bool shadow, Clip clip) {
  double step = 0;
  if (shadow || clip == Clip::percentile) step = stats.quantile(kPercentile) / 127;
  if (!shadow && clip == Clip::least_error) step = least_error_step(stats);
  if (!(step > 0)) step = double(stats.largest()) / 127;
  return step > 0 ? step : 1;
}

// The products that rotate.h adds at both ends of the stream, which see its outliers.
bool is_rotation(const LinearGroup& group) {
  return group.products.size() == 1 && group.products[0].name.ends_with(kRotationName);
}

bool is_kept(const LinearGroup& group, const W8A8Plan& plan, std::vector<bool>& met) {
  bool kept = (group.head() && !plan.int8_head) || is_rotation(group);
  for (size_t i = 0; i < plan.keep.size(); ++i) {
    for (const LinearProduct& product : group.products) {
      if (product.name.find(plan.keep[i]) == std::string::npos) continue;
      met[i] = kept = true;
    }
  }
  return kept;
}

// Which linears have a shadow: those that lose too much without one.
void choose_shadows(std::vector<W8A8Linear>& linears, const std::vector<ActivationStats>& stats) {
  for (size_t i = 0; i < linears.size(); ++i) {
    const double noise = stats[i].noise(least_error_step(stats[i]), true);
    const double usual = stats[i].signal(linears[i].percentile);
    linears[i].shadow = !linears[i].kept && noise > kMostError * usual;
  }
}

// Or the most important ones, so that a share of them has none.
void choose_shadows(std::vector<W8A8Linear>& linears, double pruned) {
  std::vector<size_t> order;
  for (size_t i = 0; i < linears.size(); ++i)
    if (!linears[i].kept) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return linears[a].importance() > linears[b].importance();
  });
  const auto shadows = size_t(std::lround((1 - pruned) * double(order.size())));
  for (size_t i = 0; i < std::min(shadows, order.size()); ++i) linears[order[i]].shadow = true;
}

W8A8Linear describe(const Graph& graph, const LinearGroup& group, const ActivationStats& stats) {
  W8A8Linear out;
  out.name = group.name;
  out.k = stats.channels();
  for (const LinearProduct& product : group.products) {
    out.products.push_back(product.name);
    out.n += columns_of(graph, product.weight);
  }
  out.largest = double(stats.largest());
  out.percentile = stats.quantile(kPercentile);
  out.rows = stats.rows();
  return out;
}

// The channels of most outliers, as many as may be hot, in order.
void choose_hot(W8A8Linear& linear, const std::vector<int64_t>& beyond) {
  std::vector<int64_t> channels;
  for (size_t k = 0; k < beyond.size(); ++k) {
    linear.outliers += beyond[k];
    if (beyond[k] > 0) channels.push_back(int64_t(k));
  }
  linear.outlier_channels = int64_t(channels.size());
  const auto most = size_t(std::ceil(kHotShare * double(beyond.size())));
  std::stable_sort(channels.begin(), channels.end(),
                   [&](int64_t a, int64_t b) { return beyond[size_t(a)] > beyond[size_t(b)]; });
  channels.resize(std::min(channels.size(), most));
  std::sort(channels.begin(), channels.end());
  linear.hot = channels;
  for (const int64_t k : channels) linear.hot_counts.push_back(beyond[size_t(k)]);
}

void settle(W8A8Linear& linear, const ActivationStats& stats, Clip clip) {
  linear.step = double(float(step_of(stats, linear.shadow, clip)));
  const double signal = stats.signal();
  linear.error = signal > 0 ? stats.noise(linear.step, !linear.shadow) / signal : 0;
  choose_hot(linear, stats.beyond(linear.step));
}

class Rewriter {
 public:
  Rewriter(Graph& graph, const W8A8Plan& plan) : graph_(graph), plan_(plan) {}

  Status rewrite(const LinearGroup& group, const W8A8Linear& linear) {
    const float step = float(linear.step);
    const ValueId x_scale = add_reals(graph_, group.name + "/x_scale", {&step, 1}, {});
    const ValueId zero =
        graph_.add_constant("zero_i8", {DType::i8, {}}, ir::make_constant({std::byte(0)}));
    const ValueId codes =
        graph_.add(Op::QuantizeLinear, {group.input, x_scale, zero}, {}, group.name + "/quantize");
    graph_[codes].name = group.name + "/codes";
    for (const LinearProduct& product : group.products)
      TRY(replace(product, linear, codes, x_scale, step));
    return {};
  }

 private:
  Status replace(const LinearProduct& product, const W8A8Linear& linear, ValueId codes,
                 ValueId x_scale, float step) {
    const int64_t k = rows_of(graph_, product.weight), n = columns_of(graph_, product.weight);
    const auto weights =
        quant::int8_weights(reals_of(graph_, product.weight), size_t(n), plan_.scales_of);
    const std::string name = graph_[product.weight].name;
    if (!weights) return Error("weight '" + name + "' has a NaN or an infinity");
    const auto bytes = std::as_bytes(std::span(weights->codes));
    const ValueId w = graph_.add_constant(name + "/i8", {DType::i8, {ir::Dim(k), ir::Dim(n)}},
                                          ir::make_constant({bytes.begin(), bytes.end()}));
    std::vector<float> scales(weights->scales);
    for (float& scale : scales) scale *= step;
    std::vector<int64_t> dims;
    if (scales.size() > 1) dims = {n};
    const ValueId scale = add_reals(graph_, name + "/scale", scales, dims);
    const ValueId sum = graph_.add(Op::MatMulInteger, {codes, w}, {}, product.name);
    ValueId y = graph_.add(Op::DequantizeLinear, {sum, scale}, {{"axis", int64_t{-1}}},
                           product.name + "/dequantize");
    graph_[sum].name = product.name + "/sum";
    const ValueId old = graph_[product.node].outputs[0];
    graph_[y].name = linear.shadow ? product.name + "/product" : graph_[old].name;
    if (linear.shadow) {
      const ValueId rest = graph_.add(Op::OutlierMatMul, {group_input(product), x_scale, w, scale},
                                      {{"hot", linear.hot}}, product.name + "/outliers");
      graph_[rest].name = product.name + "/rest";
      y = graph_.add(Op::Add, {y, rest}, {}, product.name + "/sum_of_both");
      graph_[y].name = graph_[old].name;
    }
    graph_.replace_uses(old, y);
    return {};
  }

  ValueId group_input(const LinearProduct& product) const { return graph_[product.node].inputs[0]; }

  Graph& graph_;
  const W8A8Plan& plan_;
};

void sum_up(W8A8Report& report, const std::vector<LinearGroup>& groups) {
  double all = 0, integer = 0;
  size_t linears = 0, shadows = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    const W8A8Linear& one = report.linears[i];
    // Of a prompt, the logits of one row are computed.
    const double work = groups[i].head() ? 0 : double(one.k) * double(one.n);
    all += work;
    if (one.kept) continue;
    integer += work;
    ++linears;
    shadows += one.shadow;
  }
  report.int8_share = all > 0 ? integer / all : 0;
  report.pruned = linears ? 1 - double(shadows) / double(linears) : 0;
}

}  // namespace

Result<W8A8Report> quantize_w8a8(Graph& graph, const W8A8Plan& plan, const CalibrationText& text,
                                 const std::vector<host::PluginPtr>& plugins) {
  W8A8Report report;
  if (plan.rotate) report.left = TRY(rotate(graph), "rotation");
  std::vector<LinearGroup> groups = find_linear_groups(graph);
  if (groups.empty()) return Error("the model has no products of activations with float weights");
  auto stats = TRY(statistics(graph, groups, text, plugins));
  if (plan.migrate) {
    TRY(migrate(graph, groups, stats, *plan.migrate), "migration");
    groups = find_linear_groups(graph);
    stats = TRY(statistics(graph, groups, text, plugins));
  }
  std::vector<bool> met(plan.keep.size(), false);
  for (size_t i = 0; i < groups.size(); ++i) {
    report.linears.push_back(describe(graph, groups[i], stats[i]));
    report.linears[i].kept = is_kept(groups[i], plan, met);
  }
  for (size_t i = 0; i < met.size(); ++i)
    if (!met[i])
      return Error{"--keep " + plan.keep[i] + ": no linear has this in its name", ErrorKind::usage};
  if (plan.pruned) {
    choose_shadows(report.linears, *plan.pruned);
  } else {
    choose_shadows(report.linears, stats);
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (report.linears[i].kept) continue;
    settle(report.linears[i], stats[i], plan.clip);
    TRY(Rewriter(graph, plan).rewrite(groups[i], report.linears[i]), groups[i].name);
  }
  sum_up(report, groups);
  TRY(graph.collect_and_sort());
  TRY(ops::infer_types(graph));
  TRY(ir::verify(graph));
  return report;
}

}  // namespace weft::cli
