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

#include "core/passes/attention.h"
#include "core/passes/constants.h"
#include "core/passes/element.h"
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

// scores + mask, or scores where a condition holds (or does not) and a number that hides elsewhere.
struct Masked {
  ValueId scores, mask;
  ValueId hidden = ValueId::none;  // the number
  bool hides = false;              // ... where the condition, which is the mask, holds
};

std::optional<Masked> without_mask(const Graph& graph, ValueId value);

// Under scales there is a product, a cap or another mask.
bool is_scores(const Graph& graph, ValueId value) {
  double factor = 1;
  const ValueId x = without_scale(graph, value, factor);
  return computed_by(graph, x, Op::MatMul) || computed_by(graph, x, Op::Tanh) ||
         without_mask(graph, x).has_value();
}

std::optional<Masked> without_mask(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(without_units(graph, value));
  if (node && node->op == Op::Add) {
    for (const size_t side : {size_t{0}, size_t{1}})
      if (is_scores(graph, node->inputs[side]))
        return Masked{node->inputs[side], node->inputs[1 - side]};
  }
  if (node && node->op == Op::Where) {
    for (const size_t side : {size_t{1}, size_t{2}}) {
      const ValueId other = node->inputs[3 - side];
      const auto number = scalar(graph, other);
      if (number && *number <= kHidden && is_scores(graph, node->inputs[side]))
        return Masked{node->inputs[side], node->inputs[0], other, side == 2};
    }
  }
  return {};
}

// The mask as something to add.
ValueId added(Graph& graph, const Masked& masked) {
  if (masked.hidden == ValueId::none) return masked.mask;
  const ir::Type hidden = graph[masked.hidden].type;
  const size_t bytes = size_t(ir::size_bytes(hidden.dtype, 1));
  const ValueId zero = graph.add_constant("attended", {hidden.dtype, {}},
                                          ir::make_constant(std::vector<std::byte>(bytes)));
  const ValueId mask = graph.add(Op::Where, {masked.mask, masked.hides ? masked.hidden : zero,
                                             masked.hides ? zero : masked.hidden});
  graph[mask].type = {hidden.dtype, graph[masked.mask].type.shape};
  return mask;
}

ValueId scaled(Graph& graph, ValueId mask, double factor) {
  const ir::Type type = graph[mask].type;
  if (factor == 1 || !ir::is_float(type.dtype)) return mask;
  ops::Tensor by = ops::Tensor::zeros(type.dtype, {});
  ops::store(by.view(), 0, factor);
  const ValueId y =
      graph.add(Op::Mul, {mask, graph.add_constant("scale", {type.dtype, {}},
                                                   ir::make_constant(std::move(by.bytes)))});
  graph[y].type = type;
  return y;
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
std::optional<Scores> read_scores(Graph& graph, ValueId value, std::string& why) {
  Scores scores;
  // A scale behind a mask is one of both.
  while (true) {
    double behind = 1;
    const auto masked = without_mask(graph, without_scale(graph, value, behind));
    if (!masked) break;
    scores.scale *= behind;
    scores.masks.push_back(with_batch(graph, scaled(graph, added(graph, *masked), scores.scale)));
    value = masked->scores;
  }
  value = without_cap(graph, value, scores.softcap);
  // cap(z) = softcap * Tanh(z / softcap): what is under Tanh has the scale over the softcap.
  if (scores.softcap > 0) scores.scale *= scores.softcap;
  value = without_units(graph, without_scale(graph, value, scores.scale));
  const Node* product = graph.producer(value);
  if (!product || product->op != Op::MatMul || graph[value].type.shape.size() < 3) {
    why = "under scale, cap and masks its scores are " + describe(graph, value) +
          ", which is no product q k^T of heads";
    return {};
  }
  const auto operands = product->inputs;
  scores.q = with_batch(graph, without_scale(graph, operands[0], scores.scale));
  scores.k = transposed_key(graph, operands[1], scores.scale);
  if (scores.k == ValueId::none || graph[scores.q].type.shape.size() != 4) {
    why = "the right side of q k^T, " + describe(graph, operands[1]) +
          ", is not keys [.., T, D] transposed";
    return {};
  }
  return scores;
}

// What is under x - max(x): a softmax takes no notice of it.
ValueId without_shift(const Graph& graph, ValueId value) {
  Match match(graph);
  const Pattern highest = op(Op::ReduceMax, {any(kX), any(kBy)});
  return match(value, op(Op::Sub, {any(kX), highest})) ? match[kX] : value;
}

// The softmax over keys on the left side of a product with v.
struct Probabilities {
  ValueId scores = ValueId::none;
  ValueId sinks = ValueId::none;  // [H]: a score more for every row, whose share is dropped
};

// The [H] constant whose element h is what row [b, h, i] has beside its scores.
ValueId sinks_of(Graph& graph, ValueId value) {
  Movement movement(graph);
  const auto index = movement.indices(value);
  if (index.size() != 4 || graph[value].type.shape[3] != Dim(1)) return ValueId::none;
  const Place source = movement.trail({value, index}).back();
  auto by_head = source.index;
  std::erase(by_head, Dim(0));
  ir::Value sinks = graph[source.value];
  const ir::Shape heads{graph[value].type.shape[1]};
  if (sinks.kind != ir::ValueKind::constant || by_head != std::vector<Dim>{index[1]} ||
      sym::product(sinks.type.shape) != heads[0])
    return ValueId::none;
  if (sinks.type.shape == heads) return source.value;
  sinks.type.shape = heads;
  return graph.add_value(std::move(sinks));
}

std::optional<Probabilities> probabilities(Graph& graph, const Node& node) {
  const ValueId left = without_guard(graph, node.inputs[0]);
  const Node* producer = graph.producer(left);
  if (!producer || (producer->op != Op::Softmax && producer->op != Op::Slice)) return {};
  const bool is_part = producer->op == Op::Slice;
  const Node* softmax = is_part ? graph.producer(producer->inputs[0]) : producer;
  if (!softmax || softmax->op != Op::Softmax) return {};
  const int64_t rank = int64_t(graph[softmax->inputs[0]].type.shape.size());
  const int64_t axis = softmax->attrs.integer("axis", -1);
  if (rank < 3 || (axis != -1 && axis != rank - 1)) return {};
  const ValueId scores = without_shift(graph, softmax->inputs[0]);
  if (!is_part) return Probabilities{scores};
  const Node* joined = graph.producer(scores);
  Movement movement(graph);
  const auto index = movement.indices(left);
  const auto whole = movement.step({left, index});
  if (!joined || joined->op != Op::Concat || joined->inputs.size() != 2 || !whole ||
      whole->index != index ||
      graph[joined->inputs[0]].type.shape.back() != graph[left].type.shape.back())
    return {};
  const Probabilities found{joined->inputs[0], sinks_of(graph, joined->inputs[1])};
  return found.sinks != ValueId::none ? std::optional(found) : std::nullopt;
}

// A softmax over keys (their number is no constant) that no Attention took in.
Status report_softmax(Graph& graph, Context& context) {
  TRY(graph.collect_and_sort());
  const auto users = ir::all_users(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (node.op != Op::Softmax || graph[node.outputs[0]].type.shape.back().is_constant()) continue;
    const auto& readers = users[size_t(node.outputs[0])];
    const std::string by = readers.empty() ? ""
                                           : std::string(ir::name(graph[readers[0]].op)) + " '" +
                                                 graph[readers[0]].name + "'";
    const bool told = !readers.empty() && graph[readers[0]].op == Op::MatMul;
    if (!told)
      context.leave(node.name, "no Attention: " + (by.empty() ? "nobody" : by) +
                                   " reads its shares, where a product with values is looked for");
  }
  return {};
}

}  // namespace

Status fuse_attention(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::MatMul) continue;
    const auto found = probabilities(graph, node);
    const size_t rank = graph[node.outputs[0]].type.shape.size();
    if (!found || rank < 3 || rank > 4) continue;
    std::string why;
    const auto scores = read_scores(graph, found->scores, why);
    if (!scores) {
      context.leave(node.name, "no Attention, though a product with a softmax: " + why);
      continue;
    }
    ir::Attrs attrs{{"scale", scores->scale}};
    if (scores->softcap > 0) attrs.set("softcap", scores->softcap);
    std::vector<ValueId> inputs{scores->q, scores->k, with_batch(graph, node.inputs[1])};
    if (!scores->masks.empty()) inputs.push_back(sum_of(graph, scores->masks));
    const bool has_sinks = found->sinks != ValueId::none;
    if (has_sinks) {
      inputs.resize(ops::kSinks + 1, ValueId::none);
      inputs[ops::kSinks] = found->sinks;
    }
    ValueId y = graph.add(has_sinks ? Op::SinkAttention : Op::Attention, inputs, attrs, node.name);
    const ir::Type type = graph[node.outputs[0]].type;
    graph[y].type = type;
    if (rank == 3) {
      graph[y].type.shape.insert(graph[y].type.shape.begin(), Dim(1));
      y = graph.add(Op::Reshape, {y, graph.add_symbolic("without_batch", type.shape)});
    }
    replace_node(graph, id, y);
    context.note(node.name, has_sinks ? "Softmax(q k^T, sinks) v is SinkAttention"
                                      : "Softmax(q k^T) v is Attention");
  }
  return report_softmax(graph, context);
}

}  // namespace weft::passes
