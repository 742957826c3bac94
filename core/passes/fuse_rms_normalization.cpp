// fuse_rms_normalization:   weight * (x / sqrt(mean(x^2) + epsilon))   becomes   RMSNormalization
//
// in every spelling: x * x or Pow(x, 2), a division or a product with the reciprocal, operands in
// either order. Without a weight of one element per place (none, or one per head) the weight is
// ones, and what else is multiplied stays a product. Zhang & Sennrich, "Root Mean Square Layer
// Normalization", 2019.
#include "core/ops/array.h"
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kX, kWeight, kEpsilon, kMean, kAxes };

// x / sqrt(mean(x^2) + epsilon)
Pattern normal() {
  const Pattern x = any(kX);
  const Pattern square = either(op(Op::Pow, {x, number(2)}), op(Op::Mul, {x, x}));
  const Pattern mean = named(kMean, op(Op::ReduceMean, {square, any(kAxes)}));
  const Pattern deviation = op(Op::Sqrt, {op(Op::Add, {mean, scalar_in(kEpsilon)})});
  const Pattern inverse =
      either(op(Op::Reciprocal, {deviation}), op(Op::Div, {number(1), deviation}));
  return either(op(Op::Mul, {x, inverse}), op(Op::Div, {x, deviation}));
}

// The mean is over the last axis alone.
bool over_last_axis(const Graph& graph, const Match& match) {
  const auto& shape = graph[match[kX]].type.shape;
  const auto& axes = graph[match[kAxes]].contents;
  if (shape.empty() || !axes || axes->size() != 1) return false;
  if (graph.producer(match[kMean])->attrs.integer("keepdims", 1) != 1) return false;
  return (*axes)[0] == Dim(-1) || (*axes)[0] == Dim(int64_t(shape.size()) - 1);
}

// One element for each place of the last axis.
bool is_weight(const Graph& graph, ValueId weight, ValueId x) {
  const auto& shape = graph[weight].type.shape;
  return shape.size() == 1 && shape[0] == graph[x].type.shape.back();
}

ValueId ones(Graph& graph, ValueId x) {
  const ir::Type type{graph[x].type.dtype, {graph[x].type.shape.back()}};
  ops::Tensor tensor = ops::Tensor::zeros(type.dtype, {type.shape[0].constant()});
  ops::store_all(tensor.view(), std::vector<double>(size_t(type.shape[0].constant()), 1.0));
  return graph.add_constant("ones", type, ir::make_constant(std::move(tensor.bytes)));
}

void fuse(Graph& graph, Context& context, NodeId id, const Match& match, ValueId weight) {
  const std::string name = graph[id].name;
  const ValueId y = graph.add(Op::RMSNormalization, {match[kX], weight},
                              {{"axis", int64_t{-1}}, {"epsilon", match.number(kEpsilon)}}, name);
  replace_node(graph, id, y);
  context.note(name, "weight * x / sqrt(mean(x^2) + epsilon) is RMSNormalization");
}

}  // namespace

Status fuse_rms_normalization(Graph& graph, Context& context) {
  const Pattern bare = normal();
  const Pattern weighted = op(Op::Mul, {any(kWeight), bare});
  Match match(graph);
  auto order = graph.order();
  for (const NodeId id : order) {
    if (graph[id].op != Op::Mul || !match(graph[id].outputs[0], weighted)) continue;
    if (over_last_axis(graph, match) && is_weight(graph, match[kWeight], match[kX]))
      fuse(graph, context, id, match, match[kWeight]);
  }
  TRY(graph.collect_and_sort());
  order = graph.order();
  for (const NodeId id : order) {
    const Op op = graph[id].op;
    if ((op != Op::Mul && op != Op::Div) || !match(graph[id].outputs[0], bare)) continue;
    if (over_last_axis(graph, match) && graph[match[kX]].type.shape.back().is_constant())
      fuse(graph, context, id, match, ones(graph, match[kX]));
    else
      context.leave(graph[id].name,
                    "no RMSNormalization: the mean of squares is not over the last axis of " +
                        ir::str(graph[match[kX]].type));
  }
  return {};
}

}  // namespace weft::passes
