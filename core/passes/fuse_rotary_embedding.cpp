// fuse_rotary_embedding:
//
//   x * cos + rotate_half(x) * sin      becomes      RotaryEmbedding(x, cos', sin')
//   rotate_half(x) = Concat(-x[.., D/2:], x[.., :D/2])
//
// x is [batch, heads, seq, D]; cos and sin repeat their first D / 2 elements, and cos', sin' are
// those: [batch, seq, D / 2]. The angles stay computed from the positions, once per model, since
// how they are scaled is the exporter's business. A part of x that does not turn (partial rotary)
// is joined by Concat and becomes the attribute rotary_embedding_dim.
// Su et al., "RoFormer", 2021; halves instead of pairs as in GPT-NeoX.
#include <map>

#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/pattern.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

enum Slot : size_t { kX, kCos, kSin, kUpper, kLower, kHalves };

Pattern rotation() {
  const Pattern half_turn =
      named(kHalves, op(Op::Concat, {op(Op::Neg, {any(kUpper)}), any(kLower)}));
  return op(Op::Add, {op(Op::Mul, {any(kX), any(kCos)}), op(Op::Mul, {half_turn, any(kSin)})});
}

// `half` is D / 2 elements of the last axis of x, from `first` on.
bool is_part(const Graph& graph, ValueId half, ValueId x, const Dim& first) {
  Movement movement(graph);
  const auto index = movement.indices(half);
  auto wanted = index;
  wanted.back() = index.back() + first;
  for (const Place& place : movement.trail({half, index})) {
    if (place.value == x) return place.index == wanted;
  }
  return false;
}

bool turns_halves(const Graph& graph, const Match& match) {
  const auto& shape = graph[match[kX]].type.shape;
  if (shape.size() != 4 || !shape[3].is_constant() || shape[3].constant() % 2 != 0) return false;
  const int64_t half = shape[3].constant() / 2;
  const int64_t axis = graph.producer(match[kHalves])->attrs.integer("axis", 0);
  if (axis != -1 && axis != 3) return false;
  for (const ValueId part : {match[kUpper], match[kLower]}) {
    const auto& found = graph[part].type.shape;
    if (found.size() != 4 || found[3] != Dim(half)) return false;
  }
  return is_part(graph, match[kUpper], match[kX], half) &&
         is_part(graph, match[kLower], match[kX], 0);
}

// The [batch, seq, D] tensor that `angles`, [batch, 1, seq, D], is of.
ValueId without_heads(const Graph& graph, ValueId angles) {
  Movement movement(graph);
  const auto& shape = graph[angles].type.shape;
  if (shape.size() != 4 || shape[1] != Dim(1)) return ValueId::none;
  const auto index = movement.indices(angles);
  for (const Place& place : movement.trail({angles, index})) {
    if (graph[place.value].type.shape.size() == 3 &&
        place.index == std::vector<Dim>{index[0], index[2], index[3]})
      return place.value;
  }
  return ValueId::none;
}

// A value with the first half of `value`'s last axis, where both halves are equal: the function of
// one half instead of the function of Concat(f, f). None when equality does not show.
ValueId first_half(Graph& graph, ValueId value) {
  const Node* producer = graph.producer(value);
  if (!producer) return ValueId::none;
  const Node node = *producer;
  if (node.op == Op::Concat) {
    const int64_t last = int64_t(graph[value].type.shape.size()) - 1;
    const int64_t axis = node.attrs.integer("axis", 0);
    const bool twice = node.inputs.size() == 2 && node.inputs[0] == node.inputs[1];
    return twice && (axis == -1 || axis == last) ? node.inputs[0] : ValueId::none;
  }
  const bool unary = node.op == Op::Cos || node.op == Op::Sin || node.op == Op::Cast;
  const bool binary = node.op == Op::Mul || node.op == Op::Div;
  if (!unary && !binary) return ValueId::none;
  if (binary && graph[node.inputs[1]].type.shape.size() > 0 &&
      sym::product(graph[node.inputs[1]].type.shape) != Dim(1))
    return ValueId::none;
  const ValueId inner = first_half(graph, node.inputs[0]);
  if (inner == ValueId::none) return ValueId::none;
  auto inputs = node.inputs;
  inputs[0] = inner;
  const ValueId half = graph.add(node.op, inputs, node.attrs, node.name);
  graph[half].type = {graph[value].type.dtype, graph[inner].type.shape};
  return half;
}

}  // namespace

Status fuse_rotary_embedding(Graph& graph, Context& context) {
  const Pattern pattern = rotation();
  Match match(graph);
  std::map<ValueId, ValueId> halves;  // of the cos and sin that all layers share
  const auto half_of = [&](ValueId angles) {
    const ValueId full = without_heads(graph, angles);
    if (full == ValueId::none) return ValueId::none;
    const auto [entry, fresh] = halves.emplace(full, ValueId::none);
    if (fresh) entry->second = first_half(graph, full);
    return entry->second;
  };
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::Add || !match(node.outputs[0], pattern)) continue;
    // A product matches either way round: x is the factor whose halves are turned.
    if (!turns_halves(graph, match)) std::swap(match.values[kX], match.values[kCos]);
    if (!turns_halves(graph, match)) continue;
    const ValueId x = match[kX], cosine = half_of(match[kCos]), sine = half_of(match[kSin]);
    if (cosine == ValueId::none || sine == ValueId::none) {
      context.note(node.name, "a rotation whose angles do not repeat in halves is left as it is");
      continue;
    }
    const ValueId y =
        graph.add(Op::RotaryEmbedding, {x, cosine, sine}, {{"interleaved", int64_t{0}}}, node.name);
    replace_node(graph, id, y);
    context.note(node.name, "x * cos + rotate_half(x) * sin is RotaryEmbedding");
  }
  return {};
}

}  // namespace weft::passes
