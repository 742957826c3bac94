// unpack_linears: a product that computes several things side by side becomes one for each.
//
//   y = x W + b        q = y[.., 0:64], k = y[.., 64:96], ...
//   q = x W[:, 0:64] + b[0:64]      k = x W[:, 64:96] + b[64:96]      ...
//
// Exporters and architectures pack queries, keys and values, or gate and up, in one weight: after
// each other (Phi-3, GPT-2, GenAI's builder), or by head (GPT-NeoX, BLOOM, Falcon), where the parts
// are columns in between one another. Apart, they are the same graph for all, keys and values can
// be written straight into their cache, and a gated MLP looks the same everywhere. A backend that
// gains from one large product may join them again when it packs its weights.
#include <algorithm>

#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/take_columns.h"

namespace weft::passes {

namespace {

// x W, or x W + b, with constants W and b.
struct Linear {
  NodeId node = NodeId::none;  // the product
  ValueId output = ValueId::none, bias = ValueId::none;
};

class Unpacking {
 public:
  explicit Unpacking(Graph& graph) : graph_(graph), users_(all_users(graph)) {}

  // Nothing when the node is no product with a weight of which only parts are read.
  std::optional<Linear> packed(NodeId id) const {
    const Node& node = graph_[id];
    if (node.op != Op::MatMul || !is_constant(node.inputs[1], 2)) return {};
    Linear linear{id, node.outputs[0]};
    const auto& users = users_[size_t(linear.output)];
    if (users.size() == 1 && graph_[users[0]].op == Op::Add) {
      const auto& sides = graph_[users[0]].inputs;
      const ValueId bias = sides[sides[0] == linear.output ? 1 : 0];
      if (is_constant(bias, 1) && width(bias) == width(linear.output)) {
        linear.bias = bias;
        linear.output = graph_[users[0]].outputs[0];
      }
    }
    parts_.clear();
    return only_parts_of(linear.output) && parts_.size() > 1 ? std::optional(linear) : std::nullopt;
  }

  // What the last packed() found to be read: outputs of Split, Slice and Gather.
  const std::vector<ValueId>& parts() const { return parts_; }

 private:
  bool is_constant(ValueId value, size_t rank) const {
    return graph_[value].kind == ir::ValueKind::constant && graph_[value].type.shape.size() == rank;
  }

  Dim width(ValueId value) const { return graph_[value].type.shape.back(); }

  // Every reader of `value`, behind moves that keep all elements, takes a part.
  bool only_parts_of(ValueId value) const {
    if (graph_.is_output(value)) return false;
    for (const NodeId user : users_[size_t(value)]) {
      const Node& node = graph_[user];
      switch (node.op) {
        case Op::Split:
        case Op::Slice:
        case Op::Gather:
          if (node.inputs[0] != value) return false;
          for (const ValueId part : node.outputs)
            if (part != ValueId::none) parts_.push_back(part);
          break;
        case Op::Reshape:
        case Op::Transpose:
        case Op::Squeeze:
        case Op::Unsqueeze:
          if (node.inputs[0] != value || !only_parts_of(node.outputs[0])) return false;
          break;
        default:
          return false;
      }
    }
    return true;
  }

  const Graph& graph_;
  std::vector<std::vector<NodeId>> users_;
  mutable std::vector<ValueId> parts_;
};

// Which columns of a linear's output a part holds.
struct Columns {
  std::vector<int64_t> list;  // row-major over the part's axes other than `row_axis`
  size_t row_axis = 0;
};

// Every value of `column` as its symbols run over the axes of `shape`; nothing when one of them is
// not bounded, or `column` speaks of anything else.
std::optional<std::vector<int64_t>> all_of(const Dim& column, const ir::Shape& shape,
                                           size_t row_axis) {
  std::vector<int64_t> list;
  int64_t count = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (d == row_axis) continue;
    if (!shape[d].is_constant() || shape[d].constant() > (1 << 24)) return {};
    count *= shape[d].constant();
    if (count > (1 << 24)) return {};
  }
  for (int64_t number = 0; number < count; ++number) {
    sym::Bindings at;
    int64_t rest = number;
    for (size_t d = shape.size(); d-- > 0;) {
      if (d == row_axis) continue;
      at["@" + std::to_string(d)] = rest % shape[d].constant();
      rest /= shape[d].constant();
    }
    const auto value = column.eval(at);
    if (!value) return {};
    list.push_back(*value);
  }
  return list;
}

// The rows of the part are all rows of the linear, in their order.
std::optional<Columns> columns_of(const Graph& graph, ValueId part, ValueId output) {
  Movement movement(graph);
  const auto index = movement.indices(part);
  const auto& whole = graph[output].type.shape;
  for (const Place& place : movement.trail({part, index})) {
    if (place.value != output) continue;
    const Dim row = place.index[whole.size() - 2];
    const auto found = std::find(index.begin(), index.end(), row);
    if (found == index.end() || found->is_constant()) return {};
    Columns columns{{}, size_t(found - index.begin())};
    if (graph[part].type.shape[columns.row_axis] != whole[whole.size() - 2]) return {};
    auto list = all_of(place.index.back(), graph[part].type.shape, columns.row_axis);
    if (!list || list->empty()) return {};
    columns.list = std::move(*list);
    return columns;
  }
  return {};
}

// rows [.., seq, n] as `type`, where axis `row_axis` counts the rows.
ValueId arranged(Graph& graph, ValueId rows, const ir::Type& type, size_t row_axis) {
  if (graph[rows].type == type) return rows;
  std::vector<size_t> order;  // dims of 1, the rows, the other axes
  for (size_t d = 0; d < row_axis && type.shape[d] == Dim(1); ++d) order.push_back(d);
  const size_t leading = order.size();
  order.push_back(row_axis);
  for (size_t d = leading; d < type.shape.size(); ++d)
    if (d != row_axis) order.push_back(d);
  ir::Shape shape;
  std::vector<int64_t> perm(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    shape.push_back(type.shape[order[i]]);
    perm[order[i]] = int64_t(i);
  }
  const ValueId apart = graph.add(Op::Reshape, {rows, graph.add_symbolic("part", shape)});
  graph[apart].type = {type.dtype, shape};
  if (shape == type.shape) return apart;
  const ValueId y = graph.add(Op::Transpose, {apart}, {{"perm", perm}});
  graph[y].type = type;
  return y;
}

ValueId product(Graph& graph, const Node& packed, const Linear& linear, const Columns& columns) {
  const ValueId weight = take_columns(graph, packed.inputs[1], columns.list);
  if (weight == ValueId::none) return weight;
  ir::Type type = graph[packed.outputs[0]].type;
  type.shape.back() = Dim(int64_t(columns.list.size()));
  ValueId y = graph.add(Op::MatMul, {packed.inputs[0], weight}, packed.attrs, packed.name);
  graph[y].type = type;
  if (linear.bias == ValueId::none) return y;
  y = graph.add(Op::Add, {y, take_columns(graph, linear.bias, columns.list)}, {}, packed.name);
  graph[y].type = type;
  return y;
}

}  // namespace

Status unpack_linears(Graph& graph, Context& context) {
  TRY(graph.collect_and_sort());  // what only dead nodes read does not count as read
  const Unpacking unpacking(graph);
  const auto order = graph.order();
  for (const NodeId id : order) {
    const auto linear = unpacking.packed(id);
    if (!linear) continue;
    const std::vector<ValueId> parts = unpacking.parts();
    const Node packed = graph[id];
    std::vector<Columns> columns;
    for (const ValueId part : parts) {
      auto found = columns_of(graph, part, linear->output);
      if (found) columns.push_back(std::move(*found));
    }
    if (columns.size() != parts.size()) {
      context.leave(packed.name,
                    "parts of its product are read that are not all rows of some columns");
      continue;
    }
    size_t apart = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const ValueId y = product(graph, packed, *linear, columns[i]);
      if (y == ValueId::none) continue;
      const ir::Type type = graph[parts[i]].type;
      graph.replace_uses(parts[i], arranged(graph, y, type, columns[i].row_axis));
      ++apart;
    }
    if (apart == parts.size())
      context.note(packed.name,
                   std::to_string(apart) + " products side by side, each a MatMul now");
    else
      context.leave(packed.name, "its packed codes run across columns, so it stays one product");
  }
  return {};
}

}  // namespace weft::passes
