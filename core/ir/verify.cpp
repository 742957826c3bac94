#include "core/ir/verify.h"

#include <vector>

namespace weft::ir {

namespace {

std::string label(const Graph& graph, const Node& node) {
  std::string text = std::string(name(node.op)) + " '" + node.name + "'";
  if (node.name.empty() && !node.outputs.empty() && node.outputs[0] != ValueId::none) {
    text = std::string(name(node.op)) + " -> '" + graph[node.outputs[0]].name + "'";
  }
  return text;
}

Status verify_value(const Graph& graph, const Value& value) {
  if (value.type.dtype == DType::undefined) return Error{"value '" + value.name + "' has no type"};
  if (value.kind == ValueKind::constant && !value.constant) {
    return Error{"constant '" + value.name + "' has no data"};
  }
  if (value.kind == ValueKind::symbolic && !value.contents) {
    return Error{"symbolic value '" + value.name + "' has no contents"};
  }
  if (value.column_major && (value.kind != ValueKind::constant || value.type.shape.size() != 2)) {
    return Error{"'" + value.name + "' is column-major, but only constants of rank 2 may be"};
  }
  if (value.quantization && graph[value.quantization->scale].kind != ValueKind::constant) {
    return Error{"the scale of '" + value.name + "' is not a constant"};
  }
  if (value.placement && graph[value.placement->parent].kind != ValueKind::state) {
    return Error{"'" + value.name + "' is placed inside '" + graph[value.placement->parent].name +
                 "', which is not a state"};
  }
  return {};
}

}  // namespace

Status verify(const Graph& graph) {
  std::vector<bool> defined(graph.value_count(), false);
  for (size_t i = 0; i < graph.value_count(); ++i) {
    if (graph[ValueId(i)].producer == NodeId::none) defined[i] = true;
  }
  for (const NodeId id : graph.order()) {
    const Node& node = graph[id];
    if (node.dead) return Error{label(graph, node) + " is dead but still listed"};
    for (const ValueId input : node.inputs) {
      if (input == ValueId::none) continue;
      if (!defined[size_t(input)]) {
        return Error{label(graph, node) + " reads '" + graph[input].name +
                     "' before it is computed"};
      }
      TRY(verify_value(graph, graph[input]), label(graph, node));
    }
    for (const ValueId output : node.outputs) {
      if (output == ValueId::none) continue;
      if (graph[output].producer != id || defined[size_t(output)]) {
        return Error{"'" + graph[output].name + "' is defined twice"};
      }
      TRY(verify_value(graph, graph[output]), label(graph, node));
      defined[size_t(output)] = true;
    }
  }
  for (const Output& output : graph.outputs) {
    if (output.value == ValueId::none || !defined[size_t(output.value)]) {
      return Error{"output '" + output.name + "' is computed by no node"};
    }
  }
  return {};
}

}  // namespace weft::ir
