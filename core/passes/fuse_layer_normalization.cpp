// fuse_layer_normalization: what is left when the mean is taken out first is LayerNormalization.
//
//   RMSNormalization(x - mean(x), weight)           LayerNormalization(x, weight)
//   LayerNormalization(x, weight) + bias            LayerNormalization(x, weight, bias)
//
// After fuse_rms_normalization, which has read the rest. Ba et al., "Layer Normalization", 2016.
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kX, kAxes, kMean, kWeight, kBias, kNormal };

bool is_over_last_axis(const Graph& graph, const Match& match) {
  const auto& axes = graph[match[kAxes]].contents;
  const int64_t rank = int64_t(graph[match[kX]].type.shape.size());
  if (!axes || axes->size() != 1) return false;
  if (graph.producer(match[kMean])->attrs.integer("keepdims", 1) != 1) return false;
  return (*axes)[0] == Dim(-1) || (*axes)[0] == Dim(rank - 1);
}

}  // namespace

Status fuse_layer_normalization(Graph& graph, Context& context) {
  const Pattern x = any(kX);
  const Pattern centred = op(Op::Sub, {x, named(kMean, op(Op::ReduceMean, {x, any(kAxes)}))});
  const Pattern normal = op(Op::RMSNormalization, {centred, any(kWeight)});
  const Pattern biased =
      op(Op::Add, {named(kNormal, op(Op::LayerNormalization, {x, any(kWeight)})), any(kBias)});
  Match match(graph);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::RMSNormalization || !match(node.outputs[0], normal) ||
        !is_over_last_axis(graph, match))
      continue;
    const ValueId y = graph.add(
        Op::LayerNormalization, {match[kX], match[kWeight]},
        {{"axis", int64_t{-1}}, {"epsilon", node.attrs.real("epsilon", 1e-5)}}, node.name);
    replace_node(graph, id, y);
    context.note(node.name, "a normalization of x - mean(x) is LayerNormalization");
  }
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.dead || node.op != Op::Add || !match(node.outputs[0], biased)) continue;
    const ir::Value& bias = graph[match[kBias]];
    const Node* norm = graph.producer(match[kNormal]);
    if (bias.kind != ir::ValueKind::constant ||
        bias.type.shape != graph[match[kWeight]].type.shape || norm->outputs.size() > 1 ||
        graph.users(match[kNormal]).size() > 1 || graph.is_output(match[kNormal]))
      continue;
    const ir::Attrs attrs = norm->attrs;
    const ValueId y = graph.add(Op::LayerNormalization, {match[kX], match[kWeight], match[kBias]},
                                attrs, norm->name);
    replace_node(graph, id, y);
    context.note(node.name, "the bias after LayerNormalization is its own");
  }
  return {};
}

}  // namespace weft::passes
