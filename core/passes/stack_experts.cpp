// stack_experts: experts that stand in the graph one by one become one stack.
//
//   sum over experts e of (f(x; W_e) * weights where a token chose e, else 0)     expert_terms.h
//   becomes
//   sum over choices j of f(x; W[experts[t, j]]) * weights[t, j]
//
// W [E, K, N] is the matrices W_e, one after the other: a copy, in place of which backends would
// keep each. f is the same for all experts but for its constants: products, biases, elementwise
// ops. Where every expert was computed for every token, the chosen ones are.
#include <algorithm>
#include <map>
#include <set>

#include "core/ops/op_def.h"
#include "core/passes/constants.h"
#include "core/passes/expert_terms.h"
#include "core/passes/experts.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

// Constants of one type, one after the other in a new dim in front; none where they differ in more
// than their elements.
class Stacks {
 public:
  explicit Stacks(Graph& graph) : graph_(graph) {}

  ValueId of(const std::vector<ValueId>& parts) {
    const auto [entry, fresh] = made_.emplace(parts, ValueId::none);
    if (fresh) entry->second = make(parts);
    return entry->second;
  }

 private:
  bool is_like(const ir::Value& a, const ir::Value& b) const {
    if (b.kind != ir::ValueKind::constant || b.constant->opaque || a.type != b.type ||
        a.column_major != b.column_major || a.constant->bytes.size() != b.constant->bytes.size())
      return false;
    if (!a.quantization || !b.quantization) return !a.quantization && !b.quantization;
    const ir::Quantization &p = *a.quantization, &q = *b.quantization;
    return p.storage == q.storage && p.block == q.block && p.zero == q.zero &&
           (p.zero_point == ValueId::none) == (q.zero_point == ValueId::none);
  }

  ValueId make(const std::vector<ValueId>& parts) {
    const ir::Value first = graph_[parts[0]];
    if (first.kind != ir::ValueKind::constant) return ValueId::none;
    std::vector<std::byte> bytes;
    bytes.reserve(parts.size() * first.constant->bytes.size());
    for (const ValueId part : parts) {
      if (!is_like(first, graph_[part])) return ValueId::none;
      const auto more = graph_[part].constant->bytes;
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    ir::Type type = first.type;
    if (first.column_major) std::swap(type.shape[0], type.shape[1]);
    type.shape.insert(type.shape.begin(), Dim(int64_t(parts.size())));
    auto quantization = first.quantization;
    if (quantization) {
      quantization->scale = of_each(parts, &ir::Quantization::scale);
      if (quantization->scale == ValueId::none) return ValueId::none;
      if (quantization->zero_point != ValueId::none) {
        quantization->zero_point = of_each(parts, &ir::Quantization::zero_point);
        if (quantization->zero_point == ValueId::none) return ValueId::none;
      }
    }
    const ValueId stack = graph_.add_constant(first.name + "/experts", std::move(type),
                                              ir::make_constant(std::move(bytes)));
    graph_[stack].quantization = quantization;
    return stack;
  }

  ValueId of_each(const std::vector<ValueId>& parts, ValueId ir::Quantization::*which) {
    std::vector<ValueId> all;
    for (const ValueId part : parts) all.push_back((*graph_[part].quantization).*which);
    return of(all);
  }

  Graph& graph_;
  std::map<std::vector<ValueId>, ValueId> made_;
};

// Builds [T, k, ...] for values that are [T, ...] of each expert.
class Stacked {
 public:
  Stacked(Graph& graph, const ExpertTerm& term)
      : graph_(graph), stacks_(graph), experts_(term.experts) {
    tokens_ = graph[experts_].type.shape[0];
  }

  ValueId of(const std::vector<ValueId>& values) {
    const auto found = made_.find(values);
    if (found != made_.end()) return found->second;
    const ValueId made = make(values);
    made_[values] = made;
    return made;
  }

 private:
  std::vector<ValueId> inputs_of(const std::vector<ValueId>& values, size_t slot) const {
    std::vector<ValueId> inputs;
    for (const ValueId value : values) inputs.push_back(graph_.producer(value)->inputs[slot]);
    return inputs;
  }

  bool all_equal(const std::vector<ValueId>& values) const {
    return std::all_of(values.begin(), values.end(), [&](ValueId v) { return v == values[0]; });
  }

  ValueId make(const std::vector<ValueId>& values) {
    const ir::Shape shape = graph_[values[0]].type.shape;
    if (shape.empty() || sym::product(shape) != tokens_ * shape.back()) return ValueId::none;
    if (all_equal(values)) return in_shape(graph_, values[0], {tokens_, 1, shape.back()});
    const Node* first = graph_.producer(values[0]);
    for (const ValueId value : values) {
      const Node* node = graph_.producer(value);
      if (!node || node->op != first->op || node->attrs != first->attrs ||
          node->inputs.size() != first->inputs.size() || node->outputs[0] != value ||
          graph_[value].type != graph_[values[0]].type)
        return ValueId::none;
    }
    const Node node = *first;
    if (node.op == Op::Reshape || node.op == Op::Squeeze || node.op == Op::Unsqueeze) {
      const ir::Shape& before = graph_[node.inputs[0]].type.shape;
      return !before.empty() && before.back() == shape.back() ? of(inputs_of(values, 0))
                                                              : ValueId::none;
    }
    if (node.op == Op::MatMul) return product(values, node);
    if (ops::def(node.op).row_wise != ops::RowWise::broadcast || node.outputs.size() != 1)
      return ValueId::none;
    if (const ValueId sum = with_bias(values, node); sum != ValueId::none) return sum;
    return elementwise(values, node);
  }

  ValueId product(const std::vector<ValueId>& values, const Node& node) {
    const std::vector<ValueId> matrices = inputs_of(values, 1);
    const bool transposed = graph_[matrices[0]].column_major;
    if (graph_[matrices[0]].type.shape.size() != 2) return ValueId::none;
    const ValueId x = of(inputs_of(values, 0));
    const ValueId stack = x == ValueId::none ? x : stacks_.of(matrices);
    if (stack == ValueId::none) return ValueId::none;
    return expert_matmul(graph_, x, stack, experts_, ValueId::none, transposed, node.name);
  }

  // Add(product, b [N]) is the product's bias.
  ValueId with_bias(const std::vector<ValueId>& values, const Node& node) {
    if (node.op != Op::Add) return ValueId::none;
    for (const size_t side : {size_t{1}, size_t{0}}) {
      const std::vector<ValueId> biases = inputs_of(values, side);
      if (graph_[biases[0]].type.shape.size() != 1) continue;
      const ValueId made = of(inputs_of(values, 1 - side));
      const Node* producer = made == ValueId::none ? nullptr : graph_.producer(made);
      if (!producer || producer->op != Op::ExpertMatMul || producer->inputs.size() > 3) continue;
      const Node product = *producer;
      const ValueId stack = stacks_.of(biases);
      if (stack == ValueId::none || graph_[stack].type.shape[1] != graph_[made].type.shape[2])
        continue;
      return expert_matmul(graph_, product.inputs[0], product.inputs[1], experts_, stack,
                           product.attrs.integer("transposed", 0) != 0, product.name);
    }
    return ValueId::none;
  }

  ValueId elementwise(const std::vector<ValueId>& values, const Node& node) {
    std::vector<ValueId> inputs;
    Dim choices = 1;
    for (size_t slot = 0; slot < node.inputs.size(); ++slot) {
      const std::vector<ValueId> mine = inputs_of(values, slot);
      const bool is_one = mine[0] == ValueId::none || scalar(graph_, mine[0]);
      if (is_one && !all_equal(mine)) return ValueId::none;
      inputs.push_back(is_one ? mine[0] : of(mine));
      if (is_one) continue;
      if (inputs.back() == ValueId::none) return ValueId::none;
      const Dim& many = graph_[inputs.back()].type.shape[1];
      if (many != Dim(1)) choices = many;
    }
    const ir::Type& type = graph_[values[0]].type;
    return typed(graph_, graph_.add(node.op, inputs, node.attrs, node.name),
                 {type.dtype, {tokens_, choices, type.shape.back()}});
  }

  Graph& graph_;
  Stacks stacks_;
  const ValueId experts_;
  Dim tokens_;
  std::map<std::vector<ValueId>, ValueId> made_;
};

}  // namespace

Status stack_experts(Graph& graph, Context& context) {
  std::set<ValueId> inner;  // sums within a sum that was rewritten
  const auto order = graph.order();
  for (size_t at = order.size(); at-- > 0;) {
    const Node node = graph[order[at]];
    if (node.op != Op::Add || inner.contains(node.outputs[0])) continue;
    const auto terms = expert_terms(graph, node.outputs[0]);
    if (!terms) continue;
    std::vector<ValueId> results;
    for (const ExpertTerm& term : *terms) results.push_back(term.y);
    const ValueId y = Stacked(graph, terms->front()).of(results);
    if (y == ValueId::none) continue;
    const ir::Shape shape = graph[node.outputs[0]].type.shape;
    const ValueId sum = weighted_sum(graph, y, terms->front().weights, node.name);
    for (std::vector<ValueId> left{node.inputs}; !left.empty();) {
      const Node* part = graph.producer(left.back());
      left.pop_back();
      if (!part || part->op != Op::Add || !inner.insert(part->outputs[0]).second) continue;
      left.insert(left.end(), part->inputs.begin(), part->inputs.end());
    }
    replace_node(graph, order[at], in_shape(graph, sum, shape));
    context.note(node.name, std::to_string(terms->size()) +
                                " experts become a stack, of which chosen ones are computed");
  }
  return {};
}

}  // namespace weft::passes
