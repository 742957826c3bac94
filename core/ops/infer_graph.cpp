// Runs the shape rules of core/ops over a graph; see infer_graph.h.
#include "core/ops/infer_graph.h"

#include <cstring>
#include <string>

#include "core/ops/contents.h"
#include "core/ops/op_def.h"

namespace weft::ops {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;

// No tensor of a model comes near this many elements; a product beyond it is a wrong dim.
constexpr int64_t kMaxElements = int64_t{1} << 48;

template <typename T>
static void read_elements(std::span<const std::byte> bytes, std::vector<Dim>& out) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes.data() + at, sizeof(T));
    out.emplace_back(int64_t(element));
  }
}

void set_constant_contents(Graph& graph, ValueId id) {
  Value& value = graph[id];
  if (value.kind != ValueKind::constant || !value.constant || value.constant->opaque) return;
  if (value.quantization) return;
  std::optional<int64_t> count = small_count(value.type.shape);
  if (!count) return;
  if (int64_t(value.constant->bytes.size()) != ir::size_bytes(value.type.dtype, *count)) return;
  std::vector<Dim> elements;
  elements.reserve(size_t(*count));
  switch (value.type.dtype) {
    case DType::i64:
      read_elements<int64_t>(value.constant->bytes, elements);
      break;
    case DType::i32:
      read_elements<int32_t>(value.constant->bytes, elements);
      break;
    case DType::boolean:
      read_elements<uint8_t>(value.constant->bytes, elements);
      break;
    default:
      return;
  }
  value.contents = std::move(elements);
}

std::string describe(const Graph& graph, NodeId id) {
  const Node& node = graph[id];
  std::string name = node.name;
  for (size_t i = 0; name.empty() && i < node.outputs.size(); i++)
    if (node.outputs[i] != ValueId::none) name = graph[node.outputs[i]].name;
  return "node '" + name + "' (" + std::string(ir::name(node.op)) + ")";
}

static Status check_size(const Type& type) {
  int64_t count = 1;
  for (const Dim& dim : type.shape) {
    if (!dim.is_constant()) continue;
    if (dim.constant() < 0) return Error("output " + ir::str(type) + " has a negative dim");
    if (__builtin_mul_overflow(count, dim.constant(), &count) || count > kMaxElements)
      return Error("output " + ir::str(type) + " has more elements than any machine holds");
  }
  return {};
}

Status infer_node(Graph& graph, NodeId id) {
  const Node& node = graph[id];
  const OpDef& op = def(node.op);
  std::vector<InferContext::Input> inputs(node.inputs.size());
  for (size_t i = 0; i < inputs.size(); i++) {
    if (node.inputs[i] == ValueId::none) continue;
    const Value& value = graph[node.inputs[i]];
    if (value.type.dtype == DType::undefined)
      return Error("the type of input '" + value.name + "' is not known yet");
    inputs[i] = {&value.type, &value.contents};
  }
  InferContext context{inputs, node.outputs.size(), node.attrs, graph.bounds};
  std::vector<Inferred> inferred = TRY(infer(op, context));
  if (inferred.size() < node.outputs.size())
    return Error("gives " + std::to_string(inferred.size()) + " outputs, " +
                 std::to_string(node.outputs.size()) + " are asked for");
  for (size_t i = 0; i < node.outputs.size(); i++) {
    if (node.outputs[i] == ValueId::none) continue;
    TRY(check_size(inferred[i].type));
    Value& value = graph[node.outputs[i]];
    value.type = std::move(inferred[i].type);
    value.contents = std::move(inferred[i].contents);
  }
  return {};
}

Status infer_types(Graph& graph) {
  for (size_t i = 0; i < graph.value_count(); i++)
    if (!graph[ValueId(i)].contents) set_constant_contents(graph, ValueId(i));
  for (NodeId id : graph.order()) {
    Status status = infer_node(graph, id);
    if (!status.ok()) return std::move(status).error().in(describe(graph, id));
  }
  return {};
}

}  // namespace weft::ops
