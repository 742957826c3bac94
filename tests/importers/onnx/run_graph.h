// Runs an imported graph op by op on the references, for tests of what a spelling means.
//
//   auto y = run_graph(graph, {{"x", floats}});     // outputs in the order of the graph
//
// Symbols of input dims are bound to the sizes of the given tensors, so every dim has a value.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ir/graph.h"
#include "core/ops/op_def.h"

namespace weft::onnx {

class GraphRun {
 public:
  using Inputs = std::map<std::string, ops::Tensor>;

  explicit GraphRun(const ir::Graph& graph) : graph_(graph) {}

  // The graph's outputs. Fails when an input is missing, has another type or rank than the graph
  // says, or a reference fails.
  Result<std::vector<ops::Tensor>> run(const Inputs& inputs) {
    for (ir::ValueId id : graph_.inputs) TRY(bind(id, inputs), graph_[id].name);
    for (ir::NodeId id : graph_.order())
      TRY(run_node(graph_[id]), "node '" + graph_[id].name + "'");
    std::vector<ops::Tensor> outputs;
    for (const ir::Output& output : graph_.outputs) {
      ops::Array array = TRY(value(output.value), output.name);
      outputs.push_back(ops::Tensor::zeros(array.dtype, array.shape));
      ops::copy_elements(array, outputs.back().view());
    }
    return outputs;
  }

 private:
  Status bind(ir::ValueId id, const Inputs& inputs) {
    const ir::Value& value = graph_[id];
    auto given = inputs.find(value.name);
    if (given == inputs.end()) return Error("the input is missing");
    const ops::Tensor& tensor = given->second;
    // Data sets are careless about inputs that only lend their type.
    if (graph_.users(id).empty() && !graph_.is_output(id)) return {};
    if (tensor.dtype != value.type.dtype || tensor.shape.size() != value.type.shape.size())
      return Error("the graph takes " + ir::str(value.type));
    for (size_t i = 0; i < tensor.shape.size(); i++) {
      auto symbol = value.type.shape[i].as_symbol();
      if (symbol) bindings_[*symbol] = tensor.shape[i];
    }
    for (size_t i = 0; i < tensor.shape.size(); i++) {
      auto size = value.type.shape[i].eval(bindings_);
      if (size && *size != tensor.shape[i])
        return Error("the graph takes " + ir::str(value.type) + ", dim " + std::to_string(i) +
                     " is " + std::to_string(tensor.shape[i]));
    }
    values_[uint32_t(id)] = tensor;
    return {};
  }

  Result<std::vector<int64_t>> shape_of(const ir::Value& value) {
    std::vector<int64_t> shape;
    for (const ir::Dim& dim : value.type.shape) {
      auto size = dim.eval(bindings_);
      if (!size) return Error("dim " + dim.str() + " has no value");
      shape.push_back(*size);
    }
    return shape;
  }

  Result<ops::Array> constant(ir::ValueId id) {
    const ir::Value& value = graph_[id];
    ops::Array array;
    array.dtype = value.type.dtype;
    array.shape = TRY(shape_of(value));
    array.strides = ops::row_major(array.shape);
    array.data = const_cast<std::byte*>(value.constant->bytes.data());
    if (value.column_major && !value.quantization) array.strides = {1, array.shape[0]};
    if (!value.quantization) return array;
    array.column_major = value.column_major;
    const ir::Quantization& from = *value.quantization;
    auto& to = quantized_[uint32_t(id)];
    to.storage = from.storage;
    to.block = from.block;
    to.zero = from.zero;
    const auto bytes = [&](ir::ValueId part) { return graph_[part].constant->bytes.data(); };
    to.scale = reinterpret_cast<const float*>(bytes(from.scale));
    if (from.zero_point != ir::ValueId::none) {
      if (graph_[from.zero_point].type.dtype == ir::DType::f32)
        to.zero_f32 = reinterpret_cast<const float*>(bytes(from.zero_point));
      else
        to.zero_u8 = reinterpret_cast<const uint8_t*>(bytes(from.zero_point));
    }
    array.quantization = &to;
    return array;
  }

  Result<ops::Array> value(ir::ValueId id) {
    if (id == ir::ValueId::none) return ops::Array{};
    if (graph_[id].kind == ir::ValueKind::constant) return constant(id);
    auto found = values_.find(uint32_t(id));
    if (found == values_.end()) return Error("'" + graph_[id].name + "' has no value");
    return found->second.view();
  }

  Status run_node(const ir::Node& node) {
    std::vector<ops::Array> inputs, outputs;
    for (ir::ValueId id : node.inputs) inputs.push_back(TRY(value(id)));
    for (ir::ValueId id : node.outputs) {
      outputs.emplace_back();
      if (id == ir::ValueId::none) continue;
      values_[uint32_t(id)] = ops::Tensor::zeros(graph_[id].type.dtype, TRY(shape_of(graph_[id])));
      outputs.back() = values_[uint32_t(id)].view();
    }
    return ops::run_reference(ops::def(node.op), {inputs, outputs, node.attrs});
  }

  const ir::Graph& graph_;
  sym::Bindings bindings_;
  std::unordered_map<uint32_t, ops::Tensor> values_;
  std::unordered_map<uint32_t, ops::ArrayQuantization> quantized_;
};

inline Result<std::vector<ops::Tensor>> run_graph(const ir::Graph& graph,
                                                  const GraphRun::Inputs& inputs) {
  return GraphRun(graph).run(inputs);
}

}  // namespace weft::onnx
