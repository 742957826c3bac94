// Patterns for what stays the same, Movement for how a mask is turned and cut; see expert_terms.h.
#include "core/passes/expert_terms.h"

#include <map>

#include "core/passes/constants.h"
#include "core/passes/movement.h"
#include "core/passes/pass.h"
#include "core/passes/pattern.h"

namespace weft::passes {

namespace {

// Where an element of a one-hot mask comes from: true where experts[place] == number.
struct Chooses {
  Place experts;  // of TopK's indices
  int64_t number = 0;
};

// An element whose value is known, by its place.
std::optional<int64_t> number_at(const Graph& graph, const Movement& movement, Place place) {
  for (const Place& at : movement.trail(std::move(place))) {
    const ir::Value& value = graph[at.value];
    if (!value.contents) continue;
    Dim element;
    for (size_t d = 0; d < at.index.size(); ++d)
      element = element * value.type.shape[d] + at.index[d];
    if (!element.is_constant() || element.constant() >= int64_t(value.contents->size())) return {};
    const Dim& number = (*value.contents)[size_t(element.constant())];
    return number.is_constant() ? std::optional(number.constant()) : std::nullopt;
  }
  return {};
}

// Counted from the front: Where(i < 0, i + E, i) of indices that are never negative.
std::optional<ValueId> counted(const Graph& graph, const Node& node) {
  if (node.op != Op::Where) return {};
  const Pattern from_end = op(Op::Less, {any(0), number(0)});
  Match match(graph);
  if (!match(node.inputs[0], from_end) || match[0] != node.inputs[2]) return {};
  return node.inputs[2];
}

// The indices of a TopK that the element is.
std::optional<Place> index_of_topk(const Graph& graph, const Movement& movement, Place place) {
  while (true) {
    const Place at = movement.trail(std::move(place)).back();
    const Node* node = graph.producer(at.value);
    if (!node) return {};
    if (node->op == Op::TopK && node->outputs.size() > 1 && node->outputs[1] == at.value) return at;
    const auto inner = counted(graph, *node);
    if (!inner || graph[*inner].type.shape != graph[at.value].type.shape) return {};
    place = {*inner, at.index};
  }
}

// Index of an input of an elementwise op at an element of its output.
Place input_place(const Graph& graph, ValueId input, const std::vector<Dim>& index) {
  const ir::Shape& shape = graph[input].type.shape;
  std::vector<Dim> mine(index.end() - int64_t(shape.size()), index.end());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == Dim(1)) mine[d] = Dim(0);
  }
  return {input, std::move(mine)};
}

std::optional<Chooses> chooses(const Graph& graph, const Movement& movement, Place place) {
  while (true) {
    const Place at = movement.trail(std::move(place)).back();
    const Node* node = graph.producer(at.value);
    if (!node) return {};
    if (node->op == Op::Cast) {
      place = {node->inputs[0], at.index};
    } else if (node->op == Op::Where && scalar(graph, node->inputs[1]) == 1.0 &&
               scalar(graph, node->inputs[2]) == 0.0) {
      place = input_place(graph, node->inputs[0], at.index);
    } else if (node->op == Op::Equal) {
      for (const size_t side : {size_t{0}, size_t{1}}) {
        const auto number =
            number_at(graph, movement, input_place(graph, node->inputs[side], at.index));
        const auto experts =
            index_of_topk(graph, movement, input_place(graph, node->inputs[1 - side], at.index));
        if (number && experts) return Chooses{*experts, *number};
      }
      return {};
    } else {
      return {};
    }
  }
}

class Reader {
 public:
  explicit Reader(const Graph& graph) : graph_(graph) {}

  std::optional<ExpertTerm> term(ValueId value) const {
    constexpr size_t kMask = 0, kAxes = 1, kY = 2, kFlat = 3, kSlots = 4, kRows = 5, kWidth = 6,
                     kNew = 7;
    const Pattern ones = op(Op::Cast, {any(kMask)});
    const Pattern hit =
        op(Op::Unsqueeze,
           {op(Op::Greater, {op(Op::ReduceSum, {ones, any(kAxes)}), number(0)}), any(kNew)});
    const Pattern slot = op(Op::ReduceSum, {op(Op::Mul, {ones, any(kSlots)}), any(kAxes)});
    const Pattern first = op(Op::Mul, {any(kRows), scalar_in(kWidth)});
    const Pattern weight = op(Op::Gather, {any(kFlat), op(Op::Add, {slot, first})});
    const Pattern whole = op(Op::Where, {hit, op(Op::Mul, {any(kY), weight}), zeros()});
    Match match(graph_);
    if (!match(value, whole)) return {};
    const auto axis = only_axis(match[kAxes], 2);
    if (!axis) return {};
    Movement movement(graph_);
    const auto index = movement.indices(match[kMask]);
    if (index.size() != 2) return {};
    const auto chosen = chooses(graph_, movement, {match[kMask], index});
    const std::vector<Dim> place{index[1 - *axis], index[*axis]};  // token, choice
    if (!chosen || chosen->experts.index != place) return {};
    const ir::Shape& shape = graph_[chosen->experts.value].type.shape;
    if (!shape[1].is_constant() || !distinct(chosen->experts.value)) return {};
    const int64_t k = shape[1].constant();
    if (match.number(kWidth) != double(k) || !counts(match[kRows], shape[0])) return {};
    if (!numbered(match[kSlots], *axis, k)) return {};
    const ValueId weights = weights_of(match[kFlat], shape);
    const ir::Shape& y = graph_[match[kY]].type.shape;
    if (weights == ValueId::none || y.size() != 2 || y[0] != shape[0]) return {};
    return ExpertTerm{chosen->number, chosen->experts.value, weights, match[kY]};
  }

  bool is_zero(ValueId value) const {
    const Node* node = graph_.producer(value);
    if (!node) return uniform(graph_[value]) == 0.0;
    return node->op == Op::ConstantOfShape &&
           node->attrs.real("value", double(node->attrs.integer("value", 0))) == 0;
  }
  // The number of experts there are to choose from.
  Dim count_of(ValueId experts) const {
    return graph_[graph_.producer(experts)->inputs[0]].type.shape[1];
  }

 private:
  Pattern zeros() const {
    return Pattern([this](Match&, ValueId value) { return is_zero(value); });
  }

  std::optional<size_t> only_axis(ValueId axes, int64_t rank) const {
    const auto& contents = graph_[axes].contents;
    if (!contents || contents->size() != 1 || !(*contents)[0].is_constant()) return {};
    const int64_t axis = (*contents)[0].constant();
    return size_t(axis < 0 ? axis + rank : axis);
  }

  // A TopK along the last axis: no two of a token's indices are equal.
  bool distinct(ValueId experts) const {
    const int64_t axis = graph_.producer(experts)->attrs.integer("axis", -1);
    return axis == -1 || axis == 1;
  }

  // 0, 1, ..., T - 1.
  bool counts(ValueId rows, const Dim& tokens) const {
    const Node* range = graph_.producer(rows);
    if (!range || range->op != Op::Range || graph_[rows].type.shape != ir::Shape{tokens})
      return false;
    return scalar(graph_, range->inputs[0]) == 0.0 && scalar(graph_, range->inputs[2]) == 1.0;
  }

  // Choice j is multiplied by j: [k, 1] where choices are the mask's first axis, [k] or [1, k].
  bool numbered(ValueId slots, size_t axis, int64_t k) const {
    const ir::Value& value = graph_[slots];
    const ir::Shape along = axis == 0 ? ir::Shape{k, 1} : ir::Shape{k};
    if (!value.contents || int64_t(value.contents->size()) != k) return false;
    if (value.type.shape != along && !(axis == 1 && value.type.shape == ir::Shape{1, k}))
      return false;
    for (int64_t j = 0; j < k; ++j) {
      if ((*value.contents)[size_t(j)] != Dim(j)) return false;
    }
    return true;
  }

  // [T, k] whose elements `flat`, [T k, 1], holds one after the other.
  ValueId weights_of(ValueId flat, const ir::Shape& shape) const {
    const ir::Shape& dims = graph_[flat].type.shape;
    if (dims.size() != 2 || dims[0] != shape[0] * shape[1] || dims[1] != Dim(1))
      return ValueId::none;
    Movement movement(graph_);
    const auto index = movement.indices(flat);
    const std::vector<Dim> place{floordiv(index[0], shape[1]), mod(index[0], shape[1])};
    for (const Place& at : movement.trail({flat, index})) {
      if (graph_[at.value].type.shape == shape && at.index == place) return at.value;
    }
    return ValueId::none;
  }

  const Graph& graph_;
};

}  // namespace

std::optional<std::vector<ExpertTerm>> expert_terms(const Graph& graph, ValueId sum) {
  const Reader reader(graph);
  std::map<int64_t, ExpertTerm> terms;
  std::vector<ValueId> left{sum};
  while (!left.empty()) {
    const ValueId value = left.back();
    left.pop_back();
    if (const Node* node = graph.producer(value); node && node->op == Op::Add) {
      left.insert(left.end(), node->inputs.begin(), node->inputs.end());
    } else if (!reader.is_zero(value)) {
      const auto term = reader.term(value);
      if (!term || !terms.emplace(term->expert, *term).second) return {};
    }
  }
  std::vector<ExpertTerm> all;
  for (const auto& [expert, term] : terms) {
    if (expert != int64_t(all.size())) return {};
    if (!all.empty() && (term.experts != all[0].experts || term.weights != all[0].weights))
      return {};
    all.push_back(term);
  }
  if (all.size() < 2 || reader.count_of(all[0].experts) != Dim(int64_t(all.size()))) return {};
  return all;
}

}  // namespace weft::passes
