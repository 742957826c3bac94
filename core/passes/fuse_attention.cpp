// fuse_attention:   MatMul(Softmax(cap(scale * q k^T) + mask), v)   becomes   Attention(q, k, v,
// mask)
//
//   q [B, H, S, D]    k [B, H, T, D]    v [B, H, T, E]
//
// The scale may stand at q, at k, at the scores, or in parts at several of them; k may be
// transposed in any way; cap is softcap * Tanh(scores / softcap); masks may be several summands. A
// guard that replaces NaN after the softmax (a row whose keys are all masked) is what Attention
// does by itself. Where batch and heads are one dim (BLOOM), they are taken apart: batch is 1. What
// the mask means, and which heads k and v repeat, are matters of later passes.
#include <optional>

#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kX, kBy };

struct Scores {
  ValueId q = ValueId::none, k = ValueId::none;
  std::vector<ValueId> masks;  // summands
  double scale = 1, softcap = 0;
};

// Below moves that only add and drop dims of 1.
ValueId without_units(const Graph& graph, ValueId value) {
  const auto wide = [&](ValueId id) {
    ir::Shape shape = graph[id].type.shape;
    std::erase(shape, Dim(1));
    return shape;
  };
  while (const Node* node = graph.producer(value)) {
    const bool moves = node->op == Op::Reshape || node->op == Op::Squeeze ||
                       node->op == Op::Unsqueeze || node->op == Op::Identity;
    if (!moves || wide(node->inputs[0]) != wide(value)) break;
    value = node->inputs[0];
  }
  return value;
}

// `value` as [1, ...] of rank 4, where it has rank 3.
ValueId with_batch(Graph& graph, ValueId value) {
  const ir::Type type = graph[value].type;
  if (type.shape.size() != 3) return value;
  ir::Shape shape{1};
  shape.insert(shape.end(), type.shape.begin(), type.shape.end());
  const ValueId y = graph.add(Op::Reshape, {value, graph.add_symbolic("with_batch", shape)});
  graph[y].type = {type.dtype, shape};
  return y;
}

// value = factor * the rest, as far as products and quotients with numbers go.
ValueId without_scale(const Graph& graph, ValueId value, double& factor) {
  Match match(graph);
  const Pattern product = op(Op::Mul, {any(kX), scalar_in(kBy)});
  const Pattern quotient = op(Op::Div, {any(kX), scalar_in(kBy)});
  while (true) {
    const ValueId inner = without_units(graph, value);
    if (match(inner, product)) {
      factor *= match.number(kBy);
    } else if (match(inner, quotient)) {
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
  value = without_units(graph, value);
  return match(value, guard) ? without_units(graph, match[kX]) : value;
}

bool computed_by(const Graph& graph, ValueId value, Op op) {
  const Node* node = graph.producer(without_units(graph, value));
  return node && node->op == op;
}

struct Masked {
  ValueId scores, mask;
};

// The sides of scores + mask: the mask is the one without a product or cap below its scales.
std::optional<Masked> without_mask(const Graph& graph, ValueId value) {
  const Node* sum = graph.producer(without_units(graph, value));
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

// k from k^T: the value whose element [h, j, d] is k^T[h, d, j], with scales on the way taken out.
// Where k is held as [B, T, H, D], it is transposed.
ValueId transposed_key(Graph& graph, ValueId transposed, double& scale) {
  transposed = with_batch(graph, without_scale(graph, transposed, scale));
  if (graph[transposed].type.shape.size() != 4) return ValueId::none;
  Movement movement(graph);
  const auto index = movement.indices(transposed);
  const std::vector<Dim> heads_first{index[0], index[1], index[3], index[2]};
  const std::vector<Dim> unbatched{index[1], index[3], index[2]};
  const std::vector<Dim> rows_first{index[0], index[3], index[1], index[2]};
  for (const Place& place : movement.trail({transposed, index})) {
    const ir::Type type = graph[place.value].type;
    if (place.index == unbatched) {
      return with_batch(graph, without_scale(graph, place.value, scale));
    }
    if (type.shape.size() != 4) continue;
    if (place.index == heads_first) return without_scale(graph, place.value, scale);
    if (place.index != rows_first) continue;
    const ValueId rows = without_scale(graph, place.value, scale);
    const ValueId k =
        graph.add(Op::Transpose, {rows}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
    graph[k].type = {type.dtype, {type.shape[0], type.shape[2], type.shape[1], type.shape[3]}};
    return k;
  }
  return ValueId::none;
}

// The product q k^T under scales, cap and masks.
std::optional<Scores> read_scores(Graph& graph, ValueId value) {
  Scores scores;
  while (const auto masked = without_mask(graph, value)) {
    scores.masks.push_back(masked->mask);
    value = masked->scores;
  }
  value = without_cap(graph, value, scores.softcap);
  // cap(z) = softcap * Tanh(z / softcap): what is under Tanh has the scale over the softcap.
  if (scores.softcap > 0) scores.scale *= scores.softcap;
  value = without_units(graph, without_scale(graph, value, scores.scale));
  const Node* product = graph.producer(value);
  if (!product || product->op != Op::MatMul || graph[value].type.shape.size() < 3) return {};
  const auto operands = product->inputs;
  scores.q = with_batch(graph, without_scale(graph, operands[0], scores.scale));
  scores.k = transposed_key(graph, operands[1], scores.scale);
  if (scores.k == ValueId::none || graph[scores.q].type.shape.size() != 4) return {};
  return scores;
}

ValueId sum_of(Graph& graph, const std::vector<ValueId>& masks) {
  ValueId sum = with_batch(graph, masks[0]);
  for (size_t i = 1; i < masks.size(); ++i) {
    const ValueId more = with_batch(graph, masks[i]);
    const ir::Type a = graph[sum].type, b = graph[more].type;
    sum = graph.add(Op::Add, {sum, more});
    graph[sum].type = a.shape.size() >= b.shape.size() ? a : b;
  }
  return sum;
}

// The softmax over keys whose result is the left side of the product with v.
const Node* softmax_below(const Graph& graph, const Node& node) {
  const Node* softmax = graph.producer(without_guard(graph, node.inputs[0]));
  if (!softmax || softmax->op != Op::Softmax) return nullptr;
  const int64_t rank = int64_t(graph[softmax->inputs[0]].type.shape.size());
  const int64_t axis = softmax->attrs.integer("axis", -1);
  return rank >= 3 && (axis == -1 || axis == rank - 1) ? softmax : nullptr;
}

}  // namespace

Status fuse_attention(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::MatMul) continue;
    const Node* softmax = softmax_below(graph, node);
    const size_t rank = graph[node.outputs[0]].type.shape.size();
    if (!softmax || rank < 3 || rank > 4) continue;
    const auto scores = read_scores(graph, softmax->inputs[0]);
    if (!scores) {
      context.note(node.name, "a softmax of something else than q k^T is not made an Attention");
      continue;
    }
    ir::Attrs attrs{{"scale", scores->scale}};
    if (scores->softcap > 0) attrs.set("softcap", scores->softcap);
    std::vector<ValueId> inputs{scores->q, scores->k, with_batch(graph, node.inputs[1])};
    if (!scores->masks.empty()) inputs.push_back(sum_of(graph, scores->masks));
    ValueId y = graph.add(Op::Attention, inputs, attrs, node.name);
    const ir::Type type = graph[node.outputs[0]].type;
    graph[y].type = type;
    if (rank == 3) {
      graph[y].type.shape.insert(graph[y].type.shape.begin(), Dim(1));
      y = graph.add(Op::Reshape, {y, graph.add_symbolic("without_batch", type.shape)});
    }
    replace_node(graph, id, y);
    context.note(node.name, "Softmax(q k^T) v is Attention");
  }
  return {};
}

}  // namespace weft::passes
