// See experts.h.
#include "core/passes/experts.h"

#include "core/passes/movement.h"

namespace weft::passes {

using ir::Dim;
using ir::Graph;
using ir::Op;
using ir::Shape;
using ir::ValueId;

ValueId expert_matmul(Graph& graph, ValueId x, ValueId weights, ValueId experts, ValueId bias,
                      bool transposed, const std::string& name) {
  std::vector<ValueId> inputs{x, weights, experts};
  if (bias != ValueId::none) inputs.push_back(bias);
  ir::Attrs attrs;
  if (transposed) attrs.set("transposed", int64_t{1});
  Shape shape = graph[experts].type.shape;
  shape.push_back(graph[weights].type.shape[transposed ? 1 : 2]);
  const ir::Type type{graph[x].type.dtype, std::move(shape)};
  return typed(graph, graph.add(Op::ExpertMatMul, inputs, attrs, name), type);
}

ValueId weighted_sum(Graph& graph, ValueId y, ValueId weights, const std::string& name) {
  const ir::Type type = graph[y].type;
  const Shape shape = graph[weights].type.shape;
  const ValueId column = in_shape(graph, weights, {shape[0], shape[1], 1});
  const ValueId weighted = typed(graph, graph.add(Op::Mul, {y, column}, {}, name),
                                 {type.dtype, {shape[0], shape[1], type.shape[2]}});
  const ValueId sum = graph.add(Op::ReduceSum, {weighted, graph.add_integers("choices", {1})},
                                {{"keepdims", int64_t{0}}}, name);
  return typed(graph, sum, {type.dtype, {shape[0], type.shape[2]}});
}

ValueId shared_row(Graph& graph, ValueId value, size_t axis) {
  const Dim tokens = graph[value].type.shape[axis], width = graph[value].type.shape[2];
  Movement movement(graph);
  const auto index = movement.indices(value);
  ValueId shared = ValueId::none;
  for (const Place& place : movement.trail({value, index})) {
    // The dims that count, in order, must be the token and the column.
    std::vector<Dim> at;
    const Shape& dims = graph[place.value].type.shape;
    for (size_t d = 0; d < dims.size(); ++d) {
      if (dims[d] != Dim(1)) at.push_back(place.index[d]);
    }
    const bool same = sym::product(dims) == tokens * width;
    if (same && at == std::vector<Dim>{index[axis], index[2]}) shared = place.value;
  }
  return shared == ValueId::none ? shared : in_shape(graph, shared, {tokens, 1, width});
}

}  // namespace weft::passes
