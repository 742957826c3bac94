// Constants as they are; emit_quantized.cpp has those of codes.

#include "core/ops/array.h"
#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

using ir::DType;
using ir::ValueId;

namespace {

constexpr size_t kExternalFrom = 1024;  // bytes; smaller tensors stay in the model's file

std::shared_ptr<const ir::Constant> take(ops::Tensor tensor) {
  return ir::make_constant(std::move(tensor.bytes));
}

// The constant's bytes as rows of its storage: [N, K] where it is column_major [K, N].
std::vector<int64_t> stored_dims(const ir::Value& value) {
  std::vector<int64_t> dims;
  for (const ir::Dim& dim : value.type.shape) dims.push_back(dim.constant());
  if (value.column_major) std::swap(dims[0], dims[1]);
  return dims;
}

}  // namespace

std::string Emitter::initializer(const std::string& wish, DType dtype,
                                 const std::vector<int64_t>& dims,
                                 std::shared_ptr<const ir::Constant> data) {
  auto& proto = *model.mutable_graph()->add_initializer();
  const std::string name = fresh(wish);
  proto.set_name(name);
  proto.set_data_type(int32_t(dtype));
  for (const int64_t dim : dims) proto.add_dims(dim);
  if (data->bytes.size() < kExternalFrom) {
    proto.set_raw_data(data->bytes.data(), data->bytes.size());
  } else {
    external.push_back({model.graph().initializer_size() - 1, std::move(data)});
  }
  return name;
}

std::string Emitter::integers(const std::vector<int64_t>& elements, bool scalar) {
  std::string key = scalar ? "scalar" : "list";
  for (const int64_t element : elements) key += "_" + std::to_string(element);
  const auto found = integers_.find(key);
  if (found != integers_.end()) return found->second;
  ops::Tensor tensor = ops::Tensor::zeros(
      DType::i64, scalar ? std::vector<int64_t>{} : std::vector<int64_t>{int64_t(elements.size())});
  ops::store_ints(tensor.view(), elements);
  const std::vector<int64_t> dims = tensor.shape;
  return integers_[key] = initializer(key, DType::i64, dims, take(std::move(tensor)));
}

std::string Emitter::real(double value, DType dtype) {
  ops::Tensor tensor = ops::Tensor::zeros(dtype, {});
  ops::store(tensor.view(), 0, value);
  return initializer("number", dtype, {}, take(std::move(tensor)));
}

Result<std::string> Emitter::constant(ValueId id) {
  const ir::Value& value = graph_[id];
  if (value.constant->opaque)
    return Error("the contents of '" + value.name + "' are not known: it was read from text");
  const std::vector<int64_t> dims = stored_dims(value);
  const std::string wish = value.column_major ? value.name + "/columns" : value.name;
  std::string name = value.quantization ? dequantize(value, wish, dims)
                                        : initializer(wish, value.type.dtype, dims, value.constant);
  if (value.column_major)
    name = add("Transpose", {name}, {{"perm", std::vector<int64_t>{1, 0}}}, value.name);
  return name;
}

}  // namespace weft::onnx
