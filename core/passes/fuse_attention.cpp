// fuse_attention:   MatMul(Softmax(cap(scale * q k^T) + mask), v)   becomes   Attention(q, k, v,
// mask)
//
//   q [B, H, S, D]    k [B, H, T, D]    v [B, H, T, E]
//
// The scale may stand at q, at k, at the scores, or in parts at several of them; k may be
// transposed in any way; cap is softcap * Tanh(scores / softcap). A guard that replaces NaN after
// the softmax (a row whose keys are all masked) is what Attention does by itself. What the mask
// means, and which heads k and v repeat, are matters of later passes.
#include <optional>

#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

using ir::Dim;
using ir::Graph;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

enum Slot : size_t { kX, kBy };

struct Scores {
  ValueId q = ValueId::none, k = ValueId::none;
  std::vector<ValueId> masks;  // summands
  double scale = 1, softcap = 0;
};

// value = factor * the rest, as far as products and quotients with numbers go.
ValueId without_scale(const Graph& graph, ValueId value, double& factor) {
  Match match(graph);
  const Pattern product = op(Op::Mul, {any(kX), scalar_in(kBy)});
  const Pattern quotient = op(Op::Div, {any(kX), scalar_in(kBy)});
  while (true) {
    if (match(value, product)) {
      factor *= match.number(kBy);
    } else if (match(value, quotient)) {
      factor /= match.number(kBy);
    } else {
      return value;
    }
    value = match[kX];
  }
}

// What is under softcap * Tanh(x), x included; `value` itself when there is no cap.
ValueId without_cap(const Graph& graph, ValueId value, double& softcap) {
  double factor = 1;
  Match match(graph);
  const ValueId bounded = without_scale(graph, value, factor);
  if (factor <= 0 || !match(bounded, op(Op::Tanh, {any(kX)}))) return value;
  softcap = factor;
  return match[kX];
}

// What is under the guard Where(IsNaN(p), 0, p).
ValueId without_guard(const Graph& graph, ValueId value) {
  Match match(graph);
  const Pattern not_nan = op(Op::Equal, {any(kX), any(kX)});
  const Pattern guard = either(op(Op::Where, {op(Op::Not, {not_nan}), number(0), any(kX)}),
                               op(Op::Where, {not_nan, any(kX), number(0)}));
  return match(value, guard) ? match[kX] : value;
}

bool computed_by(const Graph& graph, ValueId value, Op op) {
  const Node* node = graph.producer(value);
  return node && node->op == op;
}

// k from k^T: the value of rank 4 whose element [b, h, j, d] is k^T[b, h, d, j], with scales on the
// way taken out.
ValueId transposed_key(const Graph& graph, ValueId transposed, double& scale) {
  Movement movement(graph);
  transposed = without_scale(graph, transposed, scale);
  if (graph[transposed].type.shape.size() != 4) return ValueId::none;
  const auto index = movement.indices(transposed);
  const std::vector<Dim> wanted{index[0], index[1], index[3], index[2]};
  for (const Place& place : movement.trail({transposed, index})) {
    if (graph[place.value].type.shape.size() == 4 && place.index == wanted)
      return without_scale(graph, place.value, scale);
  }
  return ValueId::none;
}

struct Masked {
  ValueId scores, mask;
};

// The sides of scores + mask: the mask is the one without a product or cap below its scales.
std::optional<Masked> without_mask(const Graph& graph, ValueId value) {
  const Node* sum = graph.producer(value);
  if (!sum || sum->op != Op::Add) return {};
  for (const size_t side : {size_t{0}, size_t{1}}) {
    double factor = 1;
    const ValueId x = without_scale(graph, sum->inputs[side], factor);
    const bool is_scores = computed_by(graph, x, Op::MatMul) || computed_by(graph, x, Op::Tanh) ||
                           without_mask(graph, x).has_value();
    if (is_scores) return Masked{sum->inputs[side], sum->inputs[1 - side]};
  }
  return {};
}

// The product q k^T under scales, cap and masks.
std::optional<Scores> read_scores(const Graph& graph, ValueId value) {
  Scores scores;
  while (const auto masked = without_mask(graph, value)) {
    scores.masks.push_back(masked->mask);
    value = masked->scores;
  }
  value = without_cap(graph, value, scores.softcap);
  // cap(z) = softcap * Tanh(z / softcap): what is under Tanh has the scale over the softcap.
  if (scores.softcap > 0) scores.scale *= scores.softcap;
  value = without_scale(graph, value, scores.scale);
  const Node* product = graph.producer(value);
  if (!product || product->op != Op::MatMul || graph[value].type.shape.size() != 4) return {};
  scores.q = without_scale(graph, product->inputs[0], scores.scale);
  scores.k = transposed_key(graph, product->inputs[1], scores.scale);
  if (scores.k == ValueId::none || graph[scores.q].type.shape.size() != 4) return {};
  return scores;
}

ValueId sum_of(Graph& graph, const std::vector<ValueId>& masks) {
  ValueId sum = masks[0];
  for (size_t i = 1; i < masks.size(); ++i) {
    const ir::Type a = graph[sum].type, b = graph[masks[i]].type;
    sum = graph.add(Op::Add, {sum, masks[i]});
    graph[sum].type = a.shape.size() >= b.shape.size() ? a : b;
  }
  return sum;
}

}  // namespace

Status fuse_attention(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const ir::NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::MatMul) continue;
    const Node* softmax = graph.producer(without_guard(graph, node.inputs[0]));
    if (!softmax || softmax->op != Op::Softmax) continue;
    const auto& shape = graph[node.inputs[0]].type.shape;
    const int64_t axis = softmax->attrs.integer("axis", -1);
    if (shape.size() != 4 || (axis != -1 && axis != 3)) continue;
    const auto scores = read_scores(graph, softmax->inputs[0]);
    if (!scores) {
      context.note(node.name, "a softmax of something else than q k^T is not made an Attention");
      continue;
    }
    ir::Attrs attrs{{"scale", scores->scale}};
    if (scores->softcap > 0) attrs.set("softcap", scores->softcap);
    std::vector<ValueId> inputs{scores->q, scores->k, node.inputs[1]};
    if (!scores->masks.empty()) inputs.push_back(sum_of(graph, scores->masks));
    replace_node(graph, id, graph.add(Op::Attention, inputs, attrs, node.name));
    context.note(node.name, "Softmax(q k^T) v is Attention");
  }
  return {};
}

}  // namespace weft::passes
