// choose_experts: experts that were computed for every token, and weighted, are computed for the
// tokens that chose them.
//
//   scores [T, E] = ScatterElements(zeros, experts [T, k], weights [T, k], axis 1)
//   y [E, T, N]   = MatMul(x repeated [E, T, K], W [E, K, N]) + b [E, 1, N], ...
//   sum over E of y * scores
//   becomes
//   y [T, k, N]   = ExpertMatMul(x [T, 1, K], W, experts, b), ...
//   sum over k of y * weights
//
// Between the products stand elementwise ops and slices of the last axis. The experts are the
// indices of a TopK, so no two of a token are equal; of the others the score is 0, and so is what
// they add unless it is not finite. What gpt-oss is in optimum: E / k times the work.
#include <map>

#include "core/ops/op_def.h"
#include "core/passes/constants.h"
#include "core/passes/experts.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

struct Scores {
  ValueId experts, weights;  // [T, k]
  Dim tokens, count;         // T, E
};

bool is_zero(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  if (!node) return uniform(graph[value]) == 0.0;
  if (node->op != Op::ConstantOfShape) return false;
  return node->attrs.real("value", double(node->attrs.integer("value", 0))) == 0;
}

std::optional<Scores> scores_of(const Graph& graph, ValueId value) {
  const Node* node = graph.producer(value);
  const ir::Shape& shape = graph[value].type.shape;
  if (!node || node->op != Op::ScatterElements || shape.size() != 2) return {};
  const int64_t axis = node->attrs.integer("axis", 0);
  if ((axis != 1 && axis != -1) || node->attrs.text("reduction", "none") != "none") return {};
  const Node* best = graph.producer(node->inputs[1]);
  const bool differ = best && best->op == Op::TopK && best->outputs.size() > 1 &&
                      best->outputs[1] == node->inputs[1];
  if (!differ || !is_zero(graph, node->inputs[0])) return {};
  const int64_t along = best->attrs.integer("axis", -1);
  if (along != 1 && along != -1) return {};
  const ir::Shape &chosen = graph[node->inputs[1]].type.shape,
                  &weights = graph[node->inputs[2]].type.shape;
  if (chosen != weights || chosen[0] != shape[0]) return {};
  return Scores{node->inputs[1], node->inputs[2], shape[0], shape[1]};
}

// Builds [T, k, ...] for values [E, T, ...].
class Chosen {
 public:
  Chosen(Graph& graph, const Scores& scores) : graph_(graph), scores_(scores) {}

  ValueId of(ValueId value) {
    const auto found = made_.find(value);
    if (found != made_.end()) return found->second;
    const ValueId made = make(value);
    made_[value] = made;
    return made;
  }

 private:
  bool is_apart(ValueId value) const {
    const ir::Shape& shape = graph_[value].type.shape;
    return shape.size() == 3 && shape[0] == scores_.count && shape[1] == scores_.tokens;
  }

  ValueId make(ValueId value) {
    if (!is_apart(value)) return ValueId::none;
    value = Movement(graph_).origin(value);
    if (const ValueId x = repeated(value); x != ValueId::none) return x;
    const Node* producer = graph_.producer(value);
    if (!producer) return ValueId::none;
    const Node node = *producer;
    if (node.op == Op::MatMul) return product(node);
    if (node.op == Op::Slice) return slice(node, value);
    if (ops::def(node.op).row_wise != ops::RowWise::broadcast || node.outputs.size() != 1)
      return ValueId::none;
    if (const ValueId sum = with_bias(node); sum != ValueId::none) return sum;
    return elementwise(node, value);
  }

  // x [T, 1, K] of a value that is x [T, K] for each expert.
  ValueId repeated(ValueId value) {
    const Dim width = graph_[value].type.shape[2];
    const Node* reshape = graph_.producer(value);
    if (reshape && reshape->op == Op::Reshape) {
      const Node* tile = graph_.producer(reshape->inputs[0]);
      const ir::Shape rows{scores_.tokens, width};
      const ir::Shape all{scores_.count * scores_.tokens, width};
      if (tile && tile->op == Op::Tile && graph_[tile->outputs[0]].type.shape == all &&
          graph_[tile->inputs[0]].type.shape == rows)
        return in_shape(graph_, tile->inputs[0], {scores_.tokens, 1, width});
    }
    return shared_row(graph_, value, 1);
  }

  ValueId product(const Node& node) {
    const ir::Value& weights = graph_[node.inputs[1]];
    const bool stack = weights.kind == ir::ValueKind::constant && weights.type.shape.size() == 3 &&
                       weights.type.shape[0] == scores_.count;
    if (!stack) return ValueId::none;
    const ValueId x = of(node.inputs[0]);
    if (x == ValueId::none) return ValueId::none;
    return expert_matmul(graph_, x, node.inputs[1], scores_.experts, ValueId::none, false,
                         node.name);
  }

  // A constant [E, 1, N], one row to an expert, as [E, N].
  ValueId rows_of(ValueId value) {
    const ir::Value& constant = graph_[value];
    const ir::Shape& shape = constant.type.shape;
    const bool rows = constant.kind == ir::ValueKind::constant && !constant.quantization &&
                      shape.size() == 3 && shape[0] == scores_.count && shape[1] == Dim(1);
    if (!rows) return ValueId::none;
    const ir::Type type{constant.type.dtype, {shape[0], shape[2]}};
    return graph_.add_constant(constant.name + "/rows", type, constant.constant);
  }

  // Add(product, b [E, 1, N]) is the product's bias.
  ValueId with_bias(const Node& node) {
    if (node.op != Op::Add) return ValueId::none;
    for (const size_t side : {size_t{1}, size_t{0}}) {
      const ValueId bias = rows_of(node.inputs[side]);
      if (bias == ValueId::none) continue;
      const ValueId made = of(node.inputs[1 - side]);
      const Node* producer = made == ValueId::none ? nullptr : graph_.producer(made);
      if (!producer || producer->op != Op::ExpertMatMul || producer->inputs.size() > 3)
        return ValueId::none;
      const Node product = *producer;
      return expert_matmul(graph_, product.inputs[0], product.inputs[1], product.inputs[2], bias,
                           product.attrs.integer("transposed", 0) != 0, product.name);
    }
    return ValueId::none;
  }

  ValueId elementwise(const Node& node, ValueId value) {
    std::vector<ValueId> inputs;
    Dim choices = 1;  // as long as only x [T, 1, K] goes in
    for (const ValueId input : node.inputs) {
      const bool is_one =
          input == ValueId::none || (sym::product(graph_[input].type.shape) == Dim(1) &&
                                     graph_[input].type.shape.size() <= 3);
      inputs.push_back(is_one ? input : of(input));
      if (is_one) continue;
      if (inputs.back() == ValueId::none) return ValueId::none;
      const Dim& mine = graph_[inputs.back()].type.shape[1];
      if (mine != Dim(1)) choices = mine;
    }
    const ir::Type& type = graph_[value].type;
    return typed(graph_, graph_.add(node.op, inputs, node.attrs, node.name),
                 {type.dtype, {scores_.tokens, choices, type.shape[2]}});
  }

  // A slice of the last axis.
  ValueId slice(const Node& node, ValueId value) {
    const auto axes = node.inputs.size() > 3 ? graph_[node.inputs[3]].contents : std::nullopt;
    if (!axes || axes->size() != 1 || ((*axes)[0] != Dim(2) && (*axes)[0] != Dim(-1)))
      return ValueId::none;
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = of(node.inputs[0]);
    if (inputs[0] == ValueId::none) return ValueId::none;
    ir::Type type = graph_[inputs[0]].type;
    type.shape[2] = graph_[value].type.shape[2];
    return typed(graph_, graph_.add(Op::Slice, inputs, node.attrs, node.name), type);
  }

  Graph& graph_;
  const Scores& scores_;
  std::map<ValueId, ValueId> made_;
};

// One axis, counted from the front, that a ReduceSum takes away.
std::optional<size_t> summed_axis(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 2 || node.inputs[1] == ValueId::none) return {};
  const auto& axes = graph[node.inputs[1]].contents;
  if (!axes || axes->size() != 1 || !(*axes)[0].is_constant()) return {};
  const int64_t axis = (*axes)[0].constant();
  const int64_t rank = int64_t(graph[node.inputs[0]].type.shape.size());
  return size_t(axis < 0 ? axis + rank : axis);
}

// Which value [E, T, N], and which scores, the factors of the sum's terms are.
struct Terms {
  ValueId y = ValueId::none;
  std::optional<Scores> scores;
};

// The terms of a sum over `axis` of a product whose other dims are tokens and columns, in order.
Terms terms_of(const Graph& graph, const Node& product, size_t axis) {
  Movement movement(graph);
  const auto index = movement.indices(product.outputs[0]);
  const ir::Shape& whole = graph[product.outputs[0]].type.shape;
  std::vector<Dim> rest;
  for (size_t d = 0; d < whole.size(); ++d) {
    if (d != axis && whole[d] != Dim(1)) rest.push_back(index[d]);
  }
  if (axis >= whole.size() || rest.size() != 2) return {};
  Terms terms;
  for (const ValueId factor : product.inputs) {
    const ir::Shape& shape = graph[factor].type.shape;
    if (shape.size() != index.size()) return {};
    // A factor repeated along a dim of 1 has index 0 there.
    auto mine = index;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == Dim(1)) mine[d] = Dim(0);
    }
    for (const Place& place : movement.trail({factor, mine})) {
      if (place.index == std::vector<Dim>{index[axis], rest[0], rest[1]}) terms.y = place.value;
      if (place.index != std::vector<Dim>{rest[0], index[axis]}) continue;
      if (const auto scores = scores_of(graph, place.value)) terms.scores = scores;
    }
  }
  return terms;
}

}  // namespace

Status choose_experts(Graph& graph, Context& context) {
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    if (node.op != Op::ReduceSum) continue;
    const auto axis = summed_axis(graph, node);
    const Node* product = graph.producer(node.inputs[0]);
    if (!axis || !product || product->op != Op::Mul) continue;
    const Terms terms = terms_of(graph, *product, *axis);
    if (terms.y == ValueId::none || !terms.scores) continue;
    const Scores& scores = *terms.scores;
    const ir::Type type = graph[terms.y].type;
    if (type.shape[0] != scores.count || type.shape[1] != scores.tokens) continue;
    const ValueId y = Chosen(graph, scores).of(terms.y);
    if (y == ValueId::none) continue;
    const ValueId sum = weighted_sum(graph, y, scores.weights, node.name);
    replace_node(graph, id, in_shape(graph, sum, graph[node.outputs[0]].type.shape));
    context.note(node.name, "only the experts that a token chose are computed for it");
  }
  return {};
}

}  // namespace weft::passes
