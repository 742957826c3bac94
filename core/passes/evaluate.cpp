// See evaluate.h.
#include "core/passes/evaluate.h"

#include "core/ops/op_def.h"

namespace weft::passes {

using ir::Value;
using ir::ValueId;
using ir::ValueKind;

namespace {

constexpr int kDeepest = 64;  // nodes on one path: a bound on recursion

}  // namespace

std::optional<ops::Array> constant_array(const Value& value) {
  if (value.kind != ValueKind::constant || value.constant->opaque || value.quantization ||
      value.column_major)
    return {};
  ops::Array array;
  array.dtype = value.type.dtype;
  for (const ir::Dim& dim : value.type.shape) array.shape.push_back(dim.constant());
  array.strides = ops::row_major(array.shape);
  // References never write inputs.
  array.data = const_cast<std::byte*>(value.constant->bytes.data());
  return array;
}

std::optional<std::vector<int64_t>> Evaluator::shape_of(ValueId value) const {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : graph_[value].type.shape) {
    const auto size = dim.eval(lengths_);
    if (!size || *size < 0) return {};
    shape.push_back(*size);
  }
  return shape;
}

std::optional<ops::Array> Evaluator::operator()(ValueId id, int depth) {
  if (const auto found = known_.find(id); found != known_.end()) return found->second.view();
  const Value& value = graph_[id];
  if (value.contents) {
    const auto shape = shape_of(id);
    if (!shape) return {};
    ops::Tensor tensor = ops::Tensor::zeros(value.type.dtype, *shape);
    for (size_t i = 0; i < value.contents->size(); ++i) {
      const auto element = (*value.contents)[i].eval(lengths_);
      if (!element) return {};
      ops::store_int(tensor.view(), int64_t(i), *element);
    }
    bind(id, std::move(tensor));
    return known_[id].view();
  }
  if (value.kind == ValueKind::constant) return constant_array(value);
  const ir::Node* node = graph_.producer(id);
  if (!node || depth >= kDeepest || !run(*node, depth)) return {};
  return known_[id].view();
}

bool Evaluator::run(const ir::Node& node, int depth) {
  std::vector<ops::Array> inputs, outputs;
  for (const ValueId id : node.inputs) {
    const auto array = id == ValueId::none ? std::optional(ops::Array{}) : (*this)(id, depth + 1);
    if (!array) return false;
    inputs.push_back(*array);
  }
  std::vector<ops::Tensor> results;
  for (const ValueId id : node.outputs) {
    const auto shape = id == ValueId::none ? std::optional<std::vector<int64_t>>{} : shape_of(id);
    if (id != ValueId::none && !shape) return false;
    results.push_back(shape ? ops::Tensor::zeros(graph_[id].type.dtype, *shape) : ops::Tensor{});
    outputs.push_back(shape ? results.back().view() : ops::Array{});
  }
  if (!ops::run_reference(ops::def(node.op), {inputs, outputs, node.attrs}).ok()) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != ValueId::none) bind(node.outputs[i], std::move(results[i]));
  }
  return true;
}

}  // namespace weft::passes
