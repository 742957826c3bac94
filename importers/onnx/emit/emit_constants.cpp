// Weights: as they are, or with the codes of quantized ones behind a DequantizeLinear.
#include <cmath>

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

const std::byte* bytes_of(const ir::Graph& graph, ValueId id) {
  return id == ValueId::none ? nullptr : graph[id].constant->bytes.data();
}

// How the reference reads the codes; the scales are those of `value`.
ops::ArrayQuantization codes_of(const ir::Graph& graph, const ir::Value& value) {
  const ir::Quantization& q = *value.quantization;
  ops::ArrayQuantization codes;
  codes.storage = q.storage;
  codes.block = q.block;
  codes.scale = reinterpret_cast<const float*>(bytes_of(graph, q.scale));
  codes.zero = q.zero;
  const std::byte* zeros = bytes_of(graph, q.zero_point);
  if (zeros && graph[q.zero_point].type.dtype == DType::f32)
    codes.zero_f32 = reinterpret_cast<const float*>(zeros);
  if (zeros && graph[q.zero_point].type.dtype == DType::u8)
    codes.zero_u8 = reinterpret_cast<const uint8_t*>(zeros);
  return codes;
}

// The zero points in the type of the codes; nothing where one is no such code.
std::optional<ops::Tensor> zero_codes(const ops::ArrayQuantization& q, int64_t rows,
                                      int64_t blocks) {
  const int64_t most = (int64_t{1} << ir::bits(q.storage)) - 1;
  ops::Tensor out = ops::Tensor::zeros(q.storage, {rows, blocks});
  for (int64_t i = 0; i < rows * blocks; ++i) {
    const double zero = q.zero_f32 ? double(q.zero_f32[i]) : q.zero_u8 ? q.zero_u8[i] : q.zero;
    if (zero != std::floor(zero) || zero < 0 || zero > double(most)) return {};
    ops::store_int(out.view(), i, int64_t(zero));
  }
  return out;
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

// [..., columns] reals from codes, a row of blocks to each index of the other dims: whole blocks
// with integer zero points stay codes.
std::string Emitter::dequantize(const ir::Value& value, const std::string& wish,
                                const std::vector<int64_t>& dims) {
  const ir::Quantization& q = *value.quantization;
  const ops::ArrayQuantization codes = codes_of(graph_, value);
  const int64_t columns = dims.back(), block = q.block > 0 ? q.block : columns;
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < dims.size(); ++d) rows *= dims[d];
  const bool known = q.storage == DType::u4 || q.storage == DType::u8;
  if (known && value.type.dtype == DType::f32 && columns % block == 0 && columns % 2 == 0) {
    const int64_t blocks = columns / block, axis = int64_t(dims.size()) - 1;
    std::vector<int64_t> scales = dims;
    scales.back() = blocks;
    if (auto zeros = zero_codes(codes, rows, blocks)) {
      const Names inputs = {
          initializer(wish + "/codes", q.storage, dims, value.constant),
          initializer(wish + "/scale", DType::f32, scales, graph_[q.scale].constant),
          initializer(wish + "/zero", q.storage, scales, take(std::move(*zeros)))};
      return add("DequantizeLinear", inputs, {{"axis", axis}, {"block_size", block}}, wish);
    }
  }
  ops::Array array;
  array.dtype = value.type.dtype;
  array.shape = dims;
  array.strides = ops::row_major(dims);
  array.data = const_cast<std::byte*>(value.constant->bytes.data());
  array.quantization = &codes;
  ops::Tensor decoded = ops::Tensor::zeros(value.type.dtype, dims);
  ops::copy_elements(array, decoded.view());
  return initializer(wish, value.type.dtype, dims, take(std::move(decoded)));
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
