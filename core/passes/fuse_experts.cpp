// fuse_experts: products whose matrices are gathered, one per row, read them where they are.
//
//   experts [T, k] -- Reshape [T k] --+-- Gather(weights [E, K, N]) --+
//                                     |                               |
//   x [T, K] -- Expand, Reshape [T k, 1, K] ----------------------- MatMul --- Add
//                                     +-- Gather(bias [E, N]) ------------------+
//   becomes
//   ExpertMatMul(x [T, 1, K], weights, experts, bias) -- Reshape
//
// The gathered matrices are k copies of weights per token: more than anything else in the model.
// Where the matrices stand left, W x, the weights are [E, N, K] and the op takes them transposed.
// Rows that are the same for all choices of a token are not repeated either. What torch exports for
// experts_implementation = "batched_mm".
#include <map>

#include "core/passes/experts.h"
#include "core/passes/movement.h"
#include "core/passes/passes.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

namespace {

bool is_constant(const Graph& graph, ValueId value, size_t rank) {
  return graph[value].kind == ir::ValueKind::constant && graph[value].type.shape.size() == rank;
}

// Gather(table, ids [R]) along the first axis of a constant of this rank; nullptr otherwise.
const Node* gathered(const Graph& graph, ValueId value, size_t rank) {
  const Node* node = graph.producer(value);
  if (!node || node->op != Op::Gather || !is_constant(graph, node->inputs[0], rank)) return nullptr;
  const int64_t axis = node->attrs.integer("axis", 0);
  if (axis != 0 && axis != -int64_t(rank)) return nullptr;
  return graph[node->inputs[1]].type.shape.size() == 1 ? node : nullptr;
}

class Experts {
 public:
  Experts(Graph& graph, Context& context) : graph_(graph), context_(context) {}

  void product(NodeId id) {
    const Node node = graph_[id];
    for (const size_t side : {size_t{1}, size_t{0}}) {
      const Node* found = gathered(graph_, node.inputs[side], 3);
      if (!found) continue;
      const Node gather = *found;
      const bool transposed = side == 0;
      const ValueId rows = node.inputs[1 - side];
      const ir::Shape shape = graph_[rows].type.shape;
      // One row, or one column, to a matrix.
      if (shape.size() != 3 || shape[transposed ? 2 : 1] != Dim(1)) continue;
      const ValueId experts = chosen(gather.inputs[1]);
      const ir::Shape& choices = graph_[experts].type.shape;
      const ir::Shape apart{choices[0], choices[1], shape[transposed ? 1 : 2]};
      if (sym::product(apart) != sym::product(shape)) continue;
      ValueId x = in_shape(graph_, rows, apart);
      if (const ValueId row = shared_row(graph_, x, 0); row != ValueId::none) x = row;
      replace(id, node,
              expert_matmul(graph_, x, gather.inputs[0], experts, ValueId::none, transposed,
                            node.name));
      context_.note(node.name, "matrices gathered for each row are read in place (ExpertMatMul)");
      return;
    }
  }

  // Add(product, Gather(bias, ids)) of the same choices.
  void bias(NodeId id) {
    const Node node = graph_[id];
    for (const size_t side : {size_t{1}, size_t{0}}) {
      const Node* found = gathered(graph_, node.inputs[side], 2);
      if (!found) continue;
      const Node gather = *found;
      const ValueId other = node.inputs[1 - side];
      if (graph_[other].type != graph_[node.outputs[0]].type) continue;
      const Node* source = product_behind(other);
      if (!source || source->inputs.size() > 3 || source->inputs[2] != chosen(gather.inputs[1]))
        continue;
      const Node product = *source;
      const ir::Shape &added = graph_[gather.inputs[0]].type.shape,
                      &made = graph_[product.outputs[0]].type.shape;
      if (added[1] != made[2]) continue;
      replace(id, node,
              expert_matmul(graph_, product.inputs[0], product.inputs[1], product.inputs[2],
                            gather.inputs[0], product.attrs.integer("transposed", 0) != 0,
                            product.name));
      context_.note(node.name, "a bias gathered for each row is the ExpertMatMul's");
      return;
    }
  }

 private:
  // Who is chosen as [T, k], from ids [R] that are these choices row by row, or as [R, 1].
  ValueId chosen(ValueId ids) {
    const auto [entry, fresh] = chosen_.emplace(ids, ValueId::none);
    if (!fresh) return entry->second;
    Movement movement(graph_);
    const auto index = movement.indices(ids);
    for (const Place& place : movement.trail({ids, index})) {
      const ir::Shape& shape = graph_[place.value].type.shape;
      if (shape.size() != 2 || !shape[1].is_constant()) continue;
      const std::vector<Dim> rows{floordiv(index[0], shape[1]), mod(index[0], shape[1])};
      if (sym::product(shape) == graph_[ids].type.shape[0] && place.index == rows)
        entry->second = place.value;
    }
    if (entry->second == ValueId::none)
      entry->second = in_shape(graph_, ids, {graph_[ids].type.shape[0], 1});
    return entry->second;
  }

  // The ExpertMatMul whose elements are those of [R, N] `value`, row-major; nullptr otherwise.
  const Node* product_behind(ValueId value) {
    if (graph_[value].type.shape.size() != 2) return nullptr;
    Movement movement(graph_);
    const auto index = movement.indices(value);
    for (const Place& place : movement.trail({value, index})) {
      const Node* node = graph_.producer(place.value);
      if (!node || node->op != Op::ExpertMatMul) continue;
      const ir::Shape& shape = graph_[place.value].type.shape;
      const std::vector<Dim> rows{floordiv(index[0], shape[1]), mod(index[0], shape[1]), index[1]};
      return place.index == rows ? node : nullptr;
    }
    return nullptr;
  }

  void replace(NodeId id, const Node& node, ValueId value) {
    replace_node(graph_, id, in_shape(graph_, value, graph_[node.outputs[0]].type.shape));
  }

  Graph& graph_;
  Context& context_;
  std::map<ValueId, ValueId> chosen_;
};

}  // namespace

Status fuse_experts(Graph& graph, Context& context) {
  Experts experts(graph, context);
  const auto order = graph.order();
  for (const NodeId id : order) {
    if (graph[id].op == Op::MatMul) {
      experts.product(id);
    } else if (graph[id].op == Op::Add) {
      experts.bias(id);
    }
  }
  return {};
}

}  // namespace weft::passes
