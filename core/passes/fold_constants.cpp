// Computes what does not depend on an input.
//
//   all outputs known as expressions     the node goes; outputs become constants or symbolic values
//   Transpose of a rank-2 constant       the same bytes, read in the other order: nothing is moved
//   other nodes on constants only        evaluated by the op's slow reference, up to kMaxFolded
//   bytes
//
// After it no shape arithmetic is left at run time (Transformer-Lite, symbolic shape inference).
#include <cstring>

#include "core/ops/op_def.h"
#include "core/passes/constants.h"
#include "core/passes/passes.h"

namespace weft::passes {

using ir::Value;
using ir::ValueKind;

namespace {

constexpr int64_t kMaxFolded = 16 << 20;  // bytes of one folded output

// Bytes of whole-number contents in the value's own dtype, or nothing for dtypes that hold no
// contents.
std::optional<std::vector<std::byte>> encode(ir::DType dtype, const std::vector<Dim>& contents) {
  std::vector<std::byte> bytes;
  const auto put = [&](auto element) {
    bytes.resize(bytes.size() + sizeof element);
    std::memcpy(bytes.data() + bytes.size() - sizeof element, &element, sizeof element);
  };
  for (const Dim& dim : contents) {
    if (!dim.is_constant()) return {};
    switch (dtype) {
      case ir::DType::i64:
        put(dim.constant());
        break;
      case ir::DType::i32:
        put(int32_t(dim.constant()));
        break;
      case ir::DType::f32:
        put(float(dim.constant()));
        break;
      case ir::DType::boolean:
        put(uint8_t(dim.constant() != 0));
        break;
      default:
        return {};
    }
  }
  return bytes;
}

bool fold_contents(Graph& graph, const Node& node) {
  for (const ValueId id : node.outputs) {
    if (id != ValueId::none && !graph[id].contents) return false;
  }
  for (const ValueId id : node.outputs) {
    if (id == ValueId::none) continue;
    Value& value = graph[id];
    auto bytes = encode(value.type.dtype, *value.contents);
    value.kind = bytes ? ValueKind::constant : ValueKind::symbolic;
    if (bytes) value.constant = ir::make_constant(std::move(*bytes));
    value.producer = NodeId::none;
  }
  return true;
}

// [K, N] row-major is [N, K] column-major: the storage stays, the reading order flips.
bool fold_transpose(Graph& graph, const Node& node) {
  if (node.op != Op::Transpose || node.inputs[0] == ValueId::none) return false;
  const Value source = graph[node.inputs[0]];
  if (source.kind != ValueKind::constant || source.type.shape.size() != 2) return false;
  const auto perm = node.attrs.integers("perm");
  if (!perm.empty() && perm != std::vector<int64_t>{1, 0}) return false;
  Value& out = graph[node.outputs[0]];
  out.kind = ValueKind::constant;
  out.producer = NodeId::none;
  out.constant = source.constant;
  out.quantization = source.quantization;
  out.column_major = !source.column_major;
  return true;
}

Result<bool> fold_reference(Graph& graph, const Node& node) {
  std::vector<ops::Array> inputs;
  for (const ValueId id : node.inputs) {
    auto array = id == ValueId::none ? ops::Array{} : constant_array(graph[id]);
    if (!array) return false;
    inputs.push_back(std::move(*array));
  }
  std::vector<ops::Tensor> results;
  std::vector<ops::Array> outputs;
  for (const ValueId id : node.outputs) {
    if (id == ValueId::none) {
      results.emplace_back();
      outputs.emplace_back();
      continue;
    }
    const ir::Type& type = graph[id].type;
    const Dim count = sym::product(type.shape);
    if (!count.is_constant() || ir::size_bytes(type.dtype, count.constant()) > kMaxFolded)
      return false;
    std::vector<int64_t> shape;
    for (const Dim& dim : type.shape) shape.push_back(dim.constant());
    results.push_back(ops::Tensor::zeros(type.dtype, std::move(shape)));
    outputs.push_back(results.back().view());
  }
  TRY(ops::run_reference(ops::def(node.op), {inputs, outputs, node.attrs}),
      "node '" + node.name + "'");
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == ValueId::none) continue;
    Value& value = graph[node.outputs[i]];
    value.kind = ValueKind::constant;
    value.producer = NodeId::none;
    value.constant = ir::make_constant(std::move(results[i].bytes));
  }
  return true;
}

}  // namespace

Status fold_constants(Graph& graph, Context& context) {
  const std::vector<NodeId> order = graph.order();
  size_t shape_nodes = 0;
  for (const NodeId id : order) {
    const Node node = graph[id];
    const bool is_shape = fold_contents(graph, node);
    if (!is_shape && !fold_transpose(graph, node) && !TRY(fold_reference(graph, node))) continue;
    if (!is_shape)
      context.note(node.name, std::string(ir::name(node.op)) + " of constants is folded");
    shape_nodes += is_shape;
    graph.remove_node(id);
  }
  if (shape_nodes > 0) {
    context.note("", std::to_string(shape_nodes) + " shape-computing nodes became expressions");
  }
  return {};
}

}  // namespace weft::passes
