#include "core/ops/evaluate.h"

#include <set>

#include "core/ops/infer_graph.h"
#include "core/ops/op_def.h"

namespace weft::ops {

using ir::ValueId;
using ir::ValueKind;

namespace {

std::string str(const std::vector<int64_t>& dims) {
  std::string text;
  for (const int64_t dim : dims) text += (text.empty() ? "" : ", ") + std::to_string(dim);
  return "[" + text + "]";
}

const std::byte* bytes_of(const ir::Graph& graph, ValueId id) {
  return id == ValueId::none ? nullptr : graph[id].constant->bytes.data();
}

ArrayQuantization codes_of(const ir::Graph& graph, const ir::Quantization& q) {
  ArrayQuantization codes;
  codes.storage = q.storage;
  codes.block = q.block;
  codes.zero = q.zero;
  codes.scale = reinterpret_cast<const float*>(bytes_of(graph, q.scale));
  const std::byte* zeros = bytes_of(graph, q.zero_point);
  if (zeros && graph[q.zero_point].type.dtype == ir::DType::u8) {
    codes.zero_u8 = reinterpret_cast<const uint8_t*>(zeros);
  } else {
    codes.zero_f32 = reinterpret_cast<const float*>(zeros);
  }
  return codes;
}

}  // namespace

Evaluation::Evaluation(const ir::Graph& graph, sym::Bindings bindings)
    : graph_(graph), bindings_(std::move(bindings)), tensors_(graph.value_count()) {}

Result<std::vector<int64_t>> Evaluation::shape_of(ValueId id) const {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : graph_[id].type.shape) {
    const auto size = dim.eval(bindings_);
    if (!size || *size < 0) {
      return Error("the size " + dim.str() + " of '" + graph_[id].name +
                   "' has no value: a symbol is not bound");
    }
    shape.push_back(*size);
  }
  return shape;
}

Status Evaluation::set(ValueId input, Tensor value) {
  const ir::Value& port = graph_[input];
  const auto shape = TRY(shape_of(input));
  if (value.dtype != port.type.dtype || value.shape != shape) {
    return Error("'" + port.name + "' is " + std::string(ir::name(port.type.dtype)) + str(shape) +
                 ", not " + std::string(ir::name(value.dtype)) + str(value.shape));
  }
  tensors_[size_t(input)] = std::move(value);
  return {};
}

Result<Array> Evaluation::constant(ValueId id) {
  const ir::Value& value = graph_[id];
  if (value.constant->opaque)
    return Error("the contents of '" + value.name + "' are not known: it was read from text");
  Array array;
  array.dtype = value.type.dtype;
  array.shape = TRY(shape_of(id));
  array.strides = row_major(array.shape);
  // References never write inputs.
  array.data = const_cast<std::byte*>(value.constant->bytes.data());
  if (value.quantization) {
    array.column_major = value.column_major;
    array.quantization =
        &codes_.try_emplace(id, codes_of(graph_, *value.quantization)).first->second;
  } else if (value.column_major && array.rank() == 2) {
    // Stored as the transpose: the same elements through other strides.
    array.strides = {1, array.shape[0]};
  }
  return array;
}

Result<Array> Evaluation::value(ValueId id) {
  const ir::Value& value = graph_[id];
  if (value.kind == ValueKind::constant) return constant(id);
  std::optional<Tensor>& tensor = tensors_[size_t(id)];
  if (value.kind == ValueKind::symbolic && !tensor) {
    std::vector<int64_t> elements;
    for (const ir::Dim& dim : *value.contents) {
      const auto element = dim.eval(bindings_);
      if (!element) return Error(dim.str() + " in '" + value.name + "' has no value");
      elements.push_back(*element);
    }
    tensor = Tensor::zeros(value.type.dtype, TRY(shape_of(id)));
    store_ints(tensor->view(), elements);
  }
  if (!tensor) return Error("there is no value for '" + value.name + "'");
  return tensor->view();
}

Status Evaluation::run_node(const ir::Node& node) {
  std::vector<Array> inputs, outputs;
  for (const ValueId id : node.inputs)
    inputs.push_back(id == ValueId::none ? Array{} : TRY(value(id)));
  for (const ValueId id : node.outputs) {
    if (id == ValueId::none) {
      outputs.emplace_back();
      continue;
    }
    tensors_[size_t(id)] = Tensor::zeros(graph_[id].type.dtype, TRY(shape_of(id)));
    outputs.push_back(tensors_[size_t(id)]->view());
  }
  return run_reference(def(node.op), {inputs, outputs, node.attrs});
}

Status Evaluation::run() {
  for (const ir::NodeId id : graph_.order()) TRY(run_node(graph_[id]), describe(graph_, id));
  return {};
}

Result<Array> Evaluation::compute(ValueId id) {
  std::set<ir::NodeId> needed;
  for (std::vector<ValueId> open{id}; !open.empty();) {
    const ValueId next = open.back();
    open.pop_back();
    if (next == ValueId::none || tensors_[size_t(next)]) continue;
    const ir::NodeId producer = graph_[next].producer;
    if (producer == ir::NodeId::none || !needed.insert(producer).second) continue;
    open.insert(open.end(), graph_[producer].inputs.begin(), graph_[producer].inputs.end());
  }
  for (const ir::NodeId node : graph_.order())
    if (needed.contains(node)) TRY(run_node(graph_[node]), describe(graph_, node));
  return value(id);
}

}  // namespace weft::ops
