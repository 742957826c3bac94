// fuse_rms_normalization:   weight * (x / sqrt(mean(x^2) + epsilon))   becomes   RMSNormalization
//
// in every spelling: x * x or Pow(x, 2), a division or a product with the reciprocal, operands in
// either order. Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019.
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kX, kWeight, kEpsilon, kMean, kAxes };

Pattern rms_normalization() {
  const Pattern x = any(kX);
  const Pattern square = either(op(Op::Pow, {x, number(2)}), op(Op::Mul, {x, x}));
  const Pattern mean = named(kMean, op(Op::ReduceMean, {square, any(kAxes)}));
  const Pattern deviation = op(Op::Sqrt, {op(Op::Add, {mean, scalar_in(kEpsilon)})});
  const Pattern inverse =
      either(op(Op::Reciprocal, {deviation}), op(Op::Div, {number(1), deviation}));
  const Pattern normal = either(op(Op::Mul, {x, inverse}), op(Op::Div, {x, deviation}));
  return op(Op::Mul, {any(kWeight), normal});
}

// The mean is over the last axis alone, and the weight has one element for each of its places.
bool over_last_axis(const Graph& graph, const Match& match) {
  const auto& shape = graph[match[kX]].type.shape;
  const auto& weight = graph[match[kWeight]].type.shape;
  const auto& axes = graph[match[kAxes]].contents;
  if (shape.empty() || weight.size() != 1 || weight[0] != shape.back()) return false;
  if (!axes || axes->size() != 1) return false;
  if (graph.producer(match[kMean])->attrs.integer("keepdims", 1) != 1) return false;
  return (*axes)[0] == Dim(-1) || (*axes)[0] == Dim(int64_t(shape.size()) - 1);
}

}  // namespace

Status fuse_rms_normalization(Graph& graph, Context& context) {
  const Pattern pattern = rms_normalization();
  Match match(graph);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::Mul || !match(node.outputs[0], pattern)) continue;
    if (!over_last_axis(graph, match)) continue;
    const ValueId y =
        graph.add(Op::RMSNormalization, {match[kX], match[kWeight]},
                  {{"axis", int64_t{-1}}, {"epsilon", match.number(kEpsilon)}}, node.name);
    replace_node(graph, id, y);
    context.note(node.name, "weight * x / sqrt(mean(x^2) + epsilon) is RMSNormalization");
  }
  return {};
}

}  // namespace weft::passes
