// The way of picked rows through the graph; see picked_rows.h. What the ops on the way mean: ONNX
// operators, opset 25.
#include "importers/onnx/picked_rows.h"

#include <algorithm>

#include "core/ops/infer_graph.h"
#include "importers/onnx/chosen_once.h"

namespace weft::onnx {

using ir::Dim;
using ir::Node;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

// Whether row r of every output depends on row r of the inputs alone.
class RowByRow {
 public:
  RowByRow(const ir::Graph& graph, std::string rows)
      : graph_(graph), rows_(std::move(rows)), symbol_(Dim::symbol(rows_)) {}

  bool touches(ValueId value) const {
    return value != ValueId::none && (has_rows(value) || knows_rows(value));
  }
  bool has_rows(ValueId value) const {
    for (const Dim& dim : graph_[value].type.shape)
      if (dim.symbols().contains(rows_)) return true;
    return false;
  }
  // The axis that counts rows, when they are there once and as they are.
  std::optional<int64_t> axis(ValueId value) const {
    std::optional<int64_t> found;
    const sym::Shape& shape = graph_[value].type.shape;
    for (size_t i = 0; i < shape.size(); i++) {
      if (!shape[i].symbols().contains(rows_)) continue;
      if (found || shape[i] != symbol_) return {};
      found = int64_t(i);
    }
    return found;
  }

  bool holds(const Node& node) const {
    for (ValueId input : node.inputs)
      if (input != ValueId::none && has_rows(input) && !axis(input)) return false;
    for (ValueId output : node.outputs) {
      if (output == ValueId::none || graph_[output].contents) continue;
      if (!axis(output)) return false;
    }
    const bool sizes_only = std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId o) {
      return o == ValueId::none || graph_[o].contents;
    });
    return sizes_only || keeps(node);
  }

 private:
  bool knows_rows(ValueId value) const {
    if (const auto& contents = graph_[value].contents)
      for (const Dim& dim : *contents)
        if (dim.symbols().contains(rows_)) return true;
    return false;
  }

  // Axes counted from the end, as broadcasting does.
  bool aligned(const Node& node) const {
    const ValueId output = node.outputs[0];
    const int64_t wanted = *axis(output) - int64_t(graph_[output].type.shape.size());
    for (ValueId input : node.inputs)
      if (input != ValueId::none && has_rows(input) &&
          *axis(input) - int64_t(graph_[input].type.shape.size()) != wanted)
        return false;
    return true;
  }

  // As many elements before the rows in the output as in the input.
  bool reshaped(const Node& node) const {
    if (!has_rows(node.inputs[0])) return false;
    Dim before[2] = {1, 1};
    const ValueId both[2] = {node.inputs[0], node.outputs[0]};
    for (size_t i : {0u, 1u}) {
      const sym::Shape& shape = graph_[both[i]].type.shape;
      for (int64_t d = 0; d < *axis(both[i]); d++) before[i] = before[i] * shape[size_t(d)];
    }
    return before[0] == before[1];
  }

  bool along_another(const Node& node, int64_t otherwise) const {
    const ValueId x = node.inputs[0];
    const auto rank = graph_[x].type.shape.size();
    return has_rows(x) && from_front(node.attrs.integer("axis", otherwise), rank) != *axis(x);
  }

  bool keeps(const Node& node) const {
    const auto reads = [&](size_t i) {
      return i < node.inputs.size() && node.inputs[i] != ValueId::none && has_rows(node.inputs[i]);
    };
    switch (node.op) {
      case Op::ConstantOfShape:
      case Op::Transpose:
        return true;
      case Op::Reshape:
      case Op::Flatten:
      case Op::Squeeze:
      case Op::Unsqueeze:
        return reshaped(node);
      case Op::MatMul:
        return reads(0) && !reads(1) && aligned(node) &&
               *axis(node.inputs[0]) + 1 < int64_t(graph_[node.inputs[0]].type.shape.size());
      case Op::Gather:
        return reads(0) ? !reads(1) && along_another(node, 0) : reads(1);
      case Op::GatherElements:
        return reads(0) && reads(1) && aligned(node) && along_another(node, 0);
      case Op::Split:
        return along_another(node, 0);
      case Op::Softmax:
        return along_another(node, -1);
      case Op::Add:
      case Op::Sub:
      case Op::Mul:
      case Op::Div:
      case Op::Pow:
      case Op::Max:
      case Op::Min:
      case Op::Neg:
      case Op::Exp:
      case Op::Erf:
      case Op::Tanh:
      case Op::Sigmoid:
      case Op::Relu:
      case Op::Gelu:
      case Op::Swish:
      case Op::Sqrt:
      case Op::Cast:
      case Op::Clip:
      case Op::Where:
      case Op::Expand:
        return aligned(node);
      default:
        return false;
    }
  }

  const ir::Graph& graph_;
  std::string rows_;
  Dim symbol_;
};

// Where the picked positions are: a tensor of both, or one of them.
struct Positions {
  int64_t axis = -1;  // of the pair, or -1
  int64_t which = 0;  // 0 or 1, the axis of the mask that is counted; without a pair only
};

// One NonZero: finds what its rows become, and puts all rows in their place.
class Settle {
 public:
  Settle(Importer& importer, const PickedRows& picked)
      : importer_(importer),
        graph_(importer.graph),
        picked_(picked),
        rows_(graph_, picked.symbol),
        tokens_(graph_[picked.mask].type.shape[size_t(1 - picked.choice)]) {}

  Status run() {
    positions_[picked_.positions] = {0, 0};
    for (NodeId id : graph_.order()) TRY(visit(id), ops::describe(graph_, id));
    for (const ir::Output& output : graph_.outputs)
      if (rows_.touches(output.value))
        return Error("output '" + output.name + "' has one row to each element that is not 0");
    importer_.substitute(picked_.symbol, tokens_);
    TRY(replace());
    for (const auto& [from, to] : gathered_) graph_.replace_uses(from, to);
    return {};
  }

 private:
  Status visit(NodeId id) {
    const Node& node = graph_[id];
    if (std::none_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId input) { return rows_.touches(input); }))
      return {};
    if (node.op == Op::ScatterElements) return scatter(node);
    if (!rows_.holds(node))
      return Error(
          "it mixes rows whose number is known at run time only (NonZero); only what treats each "
          "row by itself is supported");
    follow(node);
    return {};
  }

  // Whether one of the picked positions is an index of tokens.
  bool is_token(ValueId value) const {
    auto it = positions_.find(value);
    return it != positions_.end() && it->second.axis < 0 && it->second.which == 1 - picked_.choice;
  }

  void follow(const Node& node) {
    const ValueId output = node.outputs[0];
    if (node.op == Op::Gather && is_token(node.inputs[1])) {
      const sym::Shape& data = graph_[node.inputs[0]].type.shape;
      const int64_t axis = from_front(node.attrs.integer("axis", 0), data.size());
      if (graph_[node.inputs[1]].type.shape.size() == 1 && data[size_t(axis)] == tokens_)
        gathered_.push_back({output, node.inputs[0]});
      return;
    }
    auto it = positions_.find(node.inputs[0]);
    if (it == positions_.end()) return;
    const Positions from = it->second;
    const size_t rank = graph_[node.inputs[0]].type.shape.size();
    if (from.axis < 0) {
      const bool moves = node.op == Op::Cast || node.op == Op::Squeeze || node.op == Op::Expand ||
                         node.op == Op::Unsqueeze || node.op == Op::Reshape;
      if (moves) positions_[output] = from;
    } else if (node.op == Op::Transpose) {
      std::vector<int64_t> perm = node.attrs.integers("perm");
      const auto at = std::find(perm.begin(), perm.end(), from.axis);
      positions_[output] = {perm.empty() ? 1 - from.axis : at - perm.begin(), 0};
    } else if (node.op == Op::Split && node.outputs.size() == 2 &&
               from_front(node.attrs.integer("axis", 0), rank) == from.axis) {
      for (int64_t i : {0, 1}) positions_[node.outputs[size_t(i)]] = {-1, i};
    } else if (node.op == Op::Gather &&
               from_front(node.attrs.integer("axis", 0), rank) == from.axis) {
      for (int64_t i : {0, 1})
        if (is_number(graph_, node.inputs[1], i)) positions_[output] = {-1, i};
    }
  }

  // Updates of all tokens in their order are the new rows, where they count.
  Status scatter(const Node& node) {
    const sym::Shape& data = graph_[node.inputs[0]].type.shape;
    const sym::Shape& updates = graph_[node.inputs[2]].type.shape;
    const std::string reduction = node.attrs.text("reduction", "none");
    const bool fits = is_token(node.inputs[1]) && rows_.axis(node.inputs[1]) == 0 &&
                      rows_.axis(node.inputs[2]) == 0 && !rows_.touches(node.inputs[0]) &&
                      from_front(node.attrs.integer("axis", 0), data.size()) == 0 &&
                      data[0] == tokens_ &&
                      std::equal(data.begin() + 1, data.end(), updates.begin() + 1, updates.end());
    if (!fits || (reduction != "none" && reduction != "add"))
      return Error(
          "it scatters rows that a mask picks (NonZero) to something else than the rows "
          "they were picked from");
    scatters_.push_back({node.outputs[0], node.inputs[0], node.inputs[2], reduction == "add"});
    return {};
  }

  Result<ValueId> add(Op op, std::vector<ValueId> inputs, ir::Attrs attrs = {}) {
    const NodeId id = graph_.add_node(op, std::move(inputs), 1, std::move(attrs), "NonZero");
    TRY(ops::infer_node(graph_, id));
    const ValueId value = graph_[id].outputs[0];
    graph_[value].name =
        importer_.fresh_name(graph_[picked_.positions].name + "/" + std::string(ir::name(op)));
    return value;
  }
  ValueId numbers(const std::vector<int64_t>& elements, bool scalar = false) {
    return graph_.add_integers(importer_.fresh_name("picked/numbers"), elements, scalar);
  }

  // 0, 1, ... up to dim `axis` of a shape.
  Result<ValueId> counted(ValueId shape, int64_t axis) {
    const ValueId count =
        TRY(add(Op::Gather, {shape, numbers({axis}, true)}, {{"axis", int64_t{0}}}));
    return add(Op::Range, {numbers({0}, true), count, numbers({1}, true)});
  }

  Status replace() {
    const int64_t choice = picked_.choice;
    const ir::Attrs to_i64{{"to", int64_t(ir::DType::i64)}}, drop{{"keepdims", int64_t{0}}};
    ValueId mask = TRY(add(Op::Cast, {picked_.mask}, {{"to", int64_t(ir::DType::boolean)}}));
    mask = TRY(add(Op::Cast, {mask}, to_i64));
    const ValueId axis = numbers({choice});
    const ValueId hits = TRY(add(Op::ReduceSum, {mask, axis}, drop));
    const ValueId counts = TRY(add(Op::Greater, {hits, numbers({0}, true)}));

    const ValueId shape = TRY(add(Op::Shape, {mask}));
    ValueId slot = TRY(counted(shape, choice));
    if (choice == 0) slot = TRY(add(Op::Unsqueeze, {slot, numbers({1})}));
    slot = TRY(add(Op::Mul, {mask, slot}));
    slot = TRY(add(Op::ReduceSum, {slot, axis}, drop));

    const ValueId token = TRY(counted(shape, 1 - choice));
    const ValueId slots_row = TRY(add(Op::Unsqueeze, {slot, numbers({0})}));
    const ValueId tokens_row = TRY(add(Op::Unsqueeze, {token, numbers({0})}));
    std::vector<ValueId> both{slots_row, tokens_row};
    if (choice == 1) std::swap(both[0], both[1]);
    const ValueId positions = TRY(add(Op::Concat, both, {{"axis", int64_t{0}}}));
    graph_.replace_uses(picked_.positions, positions);
    std::erase(graph_.inputs, picked_.positions);
    for (const Scattered& scattered : scatters_) TRY(keep(scattered, counts));
    return {};
  }

  struct Scattered {
    ValueId output, data, updates;
    bool adds;
  };

  Status keep(const Scattered& scattered, ValueId counts) {
    std::vector<int64_t> others;
    const size_t rank = graph_[scattered.output].type.shape.size();
    for (size_t i = 1; i < rank; i++) others.push_back(int64_t(i));
    if (!others.empty()) counts = TRY(add(Op::Unsqueeze, {counts, numbers(others)}));
    ValueId updates = scattered.updates;
    if (scattered.adds) updates = TRY(add(Op::Add, {scattered.data, updates}));
    graph_.replace_uses(scattered.output, TRY(add(Op::Where, {counts, updates, scattered.data})));
    return {};
  }

  Importer& importer_;
  ir::Graph& graph_;
  const PickedRows& picked_;
  RowByRow rows_;
  Dim tokens_;
  std::map<ValueId, Positions> positions_;
  std::vector<Scattered> scatters_;
  std::vector<std::pair<ValueId, ValueId>> gathered_;
};

}  // namespace

Result<std::optional<ValueId>> pick_rows(Importer& importer, ValueId mask) {
  ir::Graph& graph = importer.graph;
  if (graph[mask].type.shape.size() != 2) return std::optional<ValueId>();
  const std::optional<int64_t> choice = axis_chosen_once(graph, mask);
  if (!choice) return std::optional<ValueId>();
  PickedRows picked{mask, ValueId::none, *choice, importer.fresh_name("picked_rows")};
  picked.positions = graph.add_input(importer.fresh_name("picked"),
                                     {ir::DType::i64, {2, Dim::symbol(picked.symbol)}});
  importer.picked_rows.push_back(picked);
  return std::optional<ValueId>(picked.positions);
}

Status settle_picked_rows(Importer& importer) {
  for (const PickedRows& picked : importer.picked_rows) TRY(Settle(importer, picked).run());
  if (!importer.picked_rows.empty())
    importer.note("rows that a mask picks (NonZero) are computed for every token");
  return {};
}

}  // namespace weft::onnx
