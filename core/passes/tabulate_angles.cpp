// tabulate_angles: the cosines and sines of positions become rows of a table.
//
//   RotaryEmbedding(x, Cos(position_ids * f), Sin(position_ids * f))
//   RotaryEmbedding(x, cos [capacity, D / 2], sin [capacity, D / 2], position_ids)
//
// Whatever an exporter does between positions and angles (products with frequencies, scalings of
// Llama 3 and YaRN, casts), the row of a position is a function of that position alone; so it is
// computed here, once for every position the cache can hold, with the exporter's own ops. Angles
// that depend on anything else, such as the length of the sequence (long-context factors that are
// chosen at run time), stay computed.
#include <algorithm>
#include <map>

#include "core/ops/evaluate.h"
#include "core/ops/op_def.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

constexpr int64_t kMaxTable = 64 << 20;  // bytes
constexpr int kDeepest = 32;             // ops between positions and angles

// Follows rows: which axis of a value counts the tokens of this run, such that what lies at one
// index of it depends on the position of that token alone.
class Rows {
 public:
  Rows(const Graph& graph, ValueId positions)
      : graph_(graph), movement_(graph), positions_(positions) {}

  // Nothing when there is no such axis.
  std::optional<size_t> axis(ValueId value, int depth = 0) {
    if (value == positions_) return 1;
    if (!known_.contains(value)) known_[value] = axis_computed(value, depth);
    return known_[value];
  }

  // Positions that the tables on the way hold.
  int64_t most() const { return most_; }

 private:
  std::optional<size_t> axis_computed(ValueId value, int depth) {
    const Node* node = graph_.producer(value);
    if (!node || depth > kDeepest) return {};
    if (const auto moved = axis_moved(value, depth)) return moved;
    if (node->outputs.size() != 1) return {};
    if (node->op == Op::MatMul) return axis_of_product(*node, value, depth);
    if (node->op == Op::Concat) return axis_joined(*node, depth);
    if (node->op == Op::Gather || node->op == Op::GatherElements)
      return axis_gathered(*node, depth);
    if (ops::def(node->op).row_wise == ops::RowWise::broadcast)
      return axis_elementwise(*node, value, depth);
    return {};
  }

  size_t rank(ValueId value) const { return graph_[value].type.shape.size(); }

  bool is_fixed(ValueId value) const {
    return graph_[value].kind == ir::ValueKind::constant || graph_[value].contents.has_value();
  }

  // Along the axis whose index is the source's.
  std::optional<size_t> axis_moved(ValueId value, int depth) {
    const auto index = movement_.indices(value);
    const auto source = movement_.step({value, index});
    const auto inner = source ? axis(source->value, depth + 1) : std::nullopt;
    if (!inner) return {};
    const auto found = std::find(index.begin(), index.end(), source->index[*inner]);
    if (found == index.end() || found->is_constant()) return {};
    return size_t(found - index.begin());
  }

  // A fixed factor mixes only the other axis.
  std::optional<size_t> axis_of_product(const Node& node, ValueId value, int depth) {
    const bool fixed_left = is_fixed(node.inputs[0]);
    if (fixed_left == is_fixed(node.inputs[1])) return {};
    const ValueId source = node.inputs[fixed_left ? 1 : 0];
    const auto inner = axis(source, depth + 1);
    const size_t wanted = rank(source) - (fixed_left ? 1 : 2);
    if (rank(source) < 2 || inner != wanted) return {};
    return rank(value) - (fixed_left ? 1 : 2);
  }

  std::optional<size_t> axis_joined(const Node& node, int depth) {
    const auto inner = axis(node.inputs[0], depth + 1);
    const int64_t along = node.attrs.integer("axis", 0);
    if (!inner || int64_t(*inner) == (along < 0 ? along + int64_t(rank(node.inputs[0])) : along))
      return {};
    for (const ValueId input : node.inputs) {
      if (axis(input, depth + 1) != inner) return {};
    }
    return inner;
  }

  // Rows of a fixed table by positions, or fixed columns of something that follows rows.
  std::optional<size_t> axis_gathered(const Node& node, int depth) {
    const ValueId data = node.inputs[0], indices = node.inputs[1];
    const size_t along = axis_of(node, rank(data));
    const bool by_elements = node.op == Op::GatherElements;
    if (is_fixed(data)) {
      // Beyond the table there is nothing.
      const Dim rows = graph_[data].type.shape[along];
      if (rows.is_constant()) most_ = std::min(most_, rows.constant());
      const auto inner = axis(indices, depth + 1);
      if (!inner || (by_elements && *inner != along)) return {};
      return by_elements ? *inner : along + *inner;
    }
    const auto inner = axis(data, depth + 1);
    if (!inner || by_elements || !is_fixed(indices) || *inner == along) return {};
    return *inner < along ? *inner : *inner + rank(indices) - 1;
  }

  // All that follow rows follow them along one axis, and the rest is the same for all rows.
  std::optional<size_t> axis_elementwise(const Node& node, ValueId value, int depth) {
    std::optional<size_t> result;
    for (const ValueId input : node.inputs) {
      if (input == ValueId::none || is_fixed(input)) continue;
      const auto inner = axis(input, depth + 1);
      if (!inner) return {};
      const size_t here = rank(value) - rank(input) + *inner;
      if (result && *result != here) return {};
      result = here;
    }
    for (const ValueId input : node.inputs) {
      if (!result || input == ValueId::none || !is_fixed(input)) continue;
      const size_t from_end = rank(value) - *result;
      const auto& shape = graph_[input].type.shape;
      if (shape.size() >= from_end && shape[shape.size() - from_end] != Dim(1)) return {};
    }
    return result;
  }

  const Graph& graph_;
  Movement movement_;
  ValueId positions_;
  std::map<ValueId, std::optional<size_t>> known_;
  int64_t most_ = INT64_MAX;
};

// The rows of angles at every position up to the capacity, once for all layers that share them.
class Tables {
 public:
  Tables(Graph& graph, ValueId positions, int64_t capacity)
      : graph_(graph), positions_(positions), capacity_(capacity) {}

  // [positions, D / 2] of `angles`, [1, seq, D / 2], or none.
  ValueId of(ValueId angles) {
    const auto [entry, fresh] = tables_.emplace(angles, ValueId::none);
    if (fresh) entry->second = make(angles);
    return entry->second;
  }

 private:
  ValueId make(ValueId angles) {
    const ir::Type type = graph_[angles].type;
    Rows rows(graph_, positions_);
    if (type.shape.size() != 3 || rows.axis(angles) != 1) return ValueId::none;
    const int64_t count = std::min(capacity_, rows.most());
    const Dim half = type.shape[2];
    if (!half.is_constant() || ir::size_bytes(type.dtype, half.constant() * count) > kMaxTable)
      return ValueId::none;
    ops::Tensor counted = ops::Tensor::zeros(graph_[positions_].type.dtype, {1, count});
    for (int64_t i = 0; i < count; ++i) ops::store_int(counted.view(), i, i);
    ops::Evaluation evaluation(graph_, {{"seq", count}, {"past", 0}});
    if (!evaluation.set(positions_, std::move(counted)).ok()) return ValueId::none;
    const auto found = evaluation.compute(angles);
    if (!found.ok()) return ValueId::none;
    ops::Tensor table = ops::Tensor::zeros(type.dtype, {1, count, half.constant()});
    ops::copy_elements(*found, table.view());
    return graph_.add_constant(graph_[angles].name + ".table", {type.dtype, {count, half}},
                               ir::make_constant(std::move(table.bytes)));
  }

  Graph& graph_;
  ValueId positions_;
  int64_t capacity_;
  std::map<ValueId, ValueId> tables_;
};

}  // namespace

Status tabulate_angles(Graph& graph, Context& context) {
  const ValueId positions = position_input(graph);
  if (positions == ValueId::none) return {};
  Tables tables(graph, positions, context.options.capacity);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const Node node = graph[id];
    const bool has_positions = node.inputs.size() > 3 && node.inputs[3] != ValueId::none;
    if (node.op != Op::RotaryEmbedding || has_positions) continue;
    const ValueId cosines = tables.of(node.inputs[1]), sines = tables.of(node.inputs[2]);
    if (cosines == ValueId::none || sines == ValueId::none) {
      context.leave(node.name,
                    "its angles depend on more than the position of their row and stay computed");
      continue;
    }
    graph[id].inputs = {node.inputs[0], cosines, sines, positions};
    context.note(node.name, "its angles are rows of a table of " +
                                graph[cosines].type.shape[0].str() + " positions");
  }
  return {};
}

}  // namespace weft::passes
