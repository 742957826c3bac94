// Quantized weights: codes behind a DequantizeLinear, a DequantizeE0M4 (emit_e0m4.cpp), or in a
// MatMulNBits; floats where none of them can say it.
#include <cmath>
#include <cstring>

#include "core/ops/array.h"
#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

using ir::DType;
using ir::ValueId;

namespace {

std::shared_ptr<const ir::Constant> take(ops::Tensor tensor) {
  return ir::make_constant(std::move(tensor.bytes));
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

// The codes without what pads each row to whole blocks.
std::shared_ptr<const ir::Constant> without_padding(const ir::Value& value, int64_t rows,
                                                    int64_t columns, int64_t block) {
  if (columns % block == 0) return value.constant;
  const int64_t bits = ir::bits(value.quantization->storage);
  const int64_t length = columns * bits / 8, stored = (columns / block + 1) * block * bits / 8;
  std::vector<std::byte> bytes(size_t(rows * length));
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(&bytes[size_t(row * length)], &value.constant->bytes[size_t(row * stored)],
                size_t(length));
  return ir::make_constant(std::move(bytes));
}

// 4-bit zero points in pairs, each row in whole bytes; 8-bit ones as they are.
ops::Tensor packed_rows(const ops::Tensor& zeros, int64_t rows, int64_t blocks) {
  if (ir::bits(zeros.dtype) == 8) return {DType::u8, {rows, blocks}, zeros.bytes};
  const int64_t pairs = (blocks + 1) / 2;
  ops::Tensor out = ops::Tensor::zeros(DType::u8, {rows, pairs});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t b = 0; b < blocks; ++b) {
      const auto zero = std::byte(ops::load_int(zeros.view(), row * blocks + b));
      out.bytes[size_t(row * pairs + b / 2)] |= b % 2 ? zero << 4 : zero;
    }
  return out;
}

}  // namespace

// Scales in the type of the reals, which the output then has; f32 ones, and an attribute that
// names the type, where that type cannot hold them.
std::string Emitter::scales_of(const ir::Value& value, const std::string& wish,
                               const std::vector<int64_t>& dims, ir::Attrs& attrs) {
  const std::shared_ptr<const ir::Constant> f32 = graph_[value.quantization->scale].constant;
  const DType dtype = value.type.dtype;
  if (dtype == DType::f32) return initializer(wish + "/scale", DType::f32, dims, f32);
  ops::Tensor narrow = ops::Tensor::zeros(dtype, dims);
  const auto* scales = reinterpret_cast<const float*>(f32->bytes.data());
  bool exact = true;
  for (int64_t i = 0; i < narrow.view().count(); ++i) {
    ops::store(narrow.view(), i, double(scales[i]));
    exact = exact && ops::load(narrow.view(), i) == double(scales[i]);
  }
  if (exact) return initializer(wish + "/scale", dtype, dims, take(std::move(narrow)));
  attrs.set("output_dtype", int64_t(dtype));
  return initializer(wish + "/scale", DType::f32, dims, f32);
}

// [..., columns] reals from codes with integer zero points, a row of blocks to each index of the
// other dims. One scale for a row is one for an index of axis 0.
std::optional<std::string> Emitter::dequantize_linear(const ir::Value& value,
                                                      const std::string& wish,
                                                      const std::vector<int64_t>& dims) {
  const ir::Quantization& q = *value.quantization;
  const int64_t columns = dims.back(), block = q.block > 0 ? q.block : columns;
  const bool pairs = ir::bits(q.storage) == 8 || columns % 2 == 0;
  if ((q.storage != DType::u4 && q.storage != DType::u8) || !pairs) return {};
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < dims.size(); ++d) rows *= dims[d];
  const int64_t blocks = (columns + block - 1) / block;
  auto zeros = zero_codes(codes_of(graph_, value), rows, blocks);
  if (!zeros) return {};
  const bool per_row = q.block == 0 && dims.size() == 2;
  ir::Attrs attrs{{"axis", per_row ? int64_t{0} : int64_t(dims.size()) - 1}};
  if (!per_row) attrs.set("block_size", block);
  std::vector<int64_t> scales = dims;
  scales.back() = blocks;
  if (per_row) scales.pop_back();
  const Names inputs = {
      initializer(wish + "/codes", q.storage, dims, without_padding(value, rows, columns, block)),
      scales_of(value, wish, scales, attrs),
      initializer(wish + "/zero", q.storage, scales, take(std::move(*zeros)))};
  return add("DequantizeLinear", inputs, attrs, wish);
}

std::string Emitter::dequantize(const ir::Value& value, const std::string& wish,
                                const std::vector<int64_t>& dims) {
  if (auto name = dequantize_e0m4(value, wish, dims)) return *name;
  if (auto name = dequantize_linear(value, wish, dims)) return *name;
  const ops::ArrayQuantization codes = codes_of(graph_, value);
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

// Whether a Gather reads the same bytes: then both are written as DequantizeLinear, which has no
// padding, so that they share them.
bool Emitter::is_table(const ir::Value& weight) const {
  for (const ir::NodeId id : graph_.order()) {
    const ir::Node& gather = graph_[id];
    if (gather.op != ir::Op::Gather) continue;
    const auto& table = graph_[gather.inputs[0]].constant;
    if (table && table->content_id == weight.constant->content_id) return true;
  }
  return false;
}

// x * weight as MatMulNBits, where the weight has a form of it: false where it has not.
Result<bool> Emitter::add_packed_product(const ir::Node& product) {
  const ir::Value& weight = graph_[product.inputs[1]];
  if (!options_.packed_products || !weight.quantization || !weight.column_major) return false;
  const ir::Quantization& q = *weight.quantization;
  const bool known = q.storage == DType::u4 || q.storage == DType::u8;
  const int64_t k = weight.type.shape[0].constant(), n = weight.type.shape[1].constant();
  if (!known || q.block < 16 || weight.type.dtype != DType::f32) return false;
  if (k % q.block != 0 && is_table(weight)) return false;
  const int64_t blocks = (k + q.block - 1) / q.block, bits = ir::bits(q.storage);
  const auto zeros = zero_codes(codes_of(graph_, weight), n, blocks);
  if (!zeros) return false;
  Names inputs = {
      TRY(name_of(product.inputs[0])),
      initializer(weight.name + "/packed", DType::u8, {n, blocks, q.block * bits / 8},
                  weight.constant),
      initializer(weight.name + "/scale", DType::f32, {n, blocks}, graph_[q.scale].constant)};
  if (q.zero_point != ValueId::none || q.zero != double(1 << (bits - 1))) {
    ops::Tensor packed = packed_rows(*zeros, n, blocks);
    const std::vector<int64_t> dims = packed.shape;
    inputs.push_back(initializer(weight.name + "/zero", DType::u8, dims, take(std::move(packed))));
  }
  auto& out = node("MatMulNBits", inputs, output_names(product),
                   {{"K", k}, {"N", n}, {"bits", bits}, {"block_size", q.block}});
  out.set_name(node_name(product));
  out.set_domain("com.microsoft");
  import_domain("com.microsoft");
  return true;
}

}  // namespace weft::onnx
