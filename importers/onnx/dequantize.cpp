// DequantizeLinear of a constant that products or gathers read: the constant becomes a quantized
// weight, as MatMulNBits makes them, and the node goes away. Any other stays the op it is.
//
//   x [R, C]    scales                codes of a line with one scale       storage
//   per tensor  []                    all                                  rows
//   axis 0      [R]                   a row                                rows
//   axis 1      [C]                   a column                             columns (codes are
//   moved) axis 1      [R, C / block]        `block` of a row                     rows axis 0 [R /
//   block, C]        `block` of a column                  columns (codes are moved)
//
// Source: ONNX operators, DequantizeLinear-10 to -25.
#include <algorithm>
#include <cstring>

#include "core/ops/array.h"
#include "importers/onnx/op_table.h"
#include "importers/onnx/quantized.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

namespace {

// A matrix of codes with the scales and zero points of its lines, as far as they are known.
struct Layout {
  bool columns = false;  // lines are columns
  int64_t block = 0;     // codes to a scale; 0: the line
};

bool is_nibble(DType dtype) { return dtype == DType::u4 || dtype == DType::i4; }

// How the scales lie, or nothing when a quantized constant cannot say it.
std::optional<Layout> layout_of(const NodeImport& node, const Tensor& x, const Tensor& scale) {
  const int64_t block = node.integer("block_size", 0);
  int64_t axis = node.integer("axis", 1);
  if (axis < 0) axis += 2;
  if (axis < 0 || axis > 1) return {};
  const auto count = element_count(scale.dims);
  if (!count.ok()) return {};
  if (block == 0) {
    if (*count == 1) return Layout{};
    if (scale.dims.size() != 1 || *count != x.dims[size_t(axis)]) return {};
    return Layout{axis == 1, 0};
  }
  const int64_t length = x.dims[size_t(axis)];
  if (block < 8 || (block & (block - 1)) != 0 || length < 1) return {};
  std::vector<int64_t> expected = x.dims;
  expected[size_t(axis)] = (length - 1) / block + 1;
  if (scale.dims != expected) return {};
  return Layout{axis == 0, block};
}

// Codes, one to a byte.
std::vector<std::byte> bytes_of(const Tensor& codes, int64_t count) {
  const std::span<const std::byte> bytes = codes.data->bytes;
  if (!is_nibble(codes.dtype)) return {bytes.begin(), bytes.end()};
  std::vector<std::byte> apart;
  for (int64_t i = 0; i < count; i++) {
    const auto pair = uint8_t(bytes[size_t(i / 2)]);
    apart.push_back(std::byte(i % 2 ? pair >> 4 : pair & 15));
  }
  return apart;
}

// [R, C] elements of `size` bytes as [C, R].
std::vector<std::byte> transposed(const std::vector<std::byte>& from, int64_t rows, int64_t columns,
                                  int64_t size) {
  std::vector<std::byte> to(from.size());
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      std::memcpy(&to[size_t((c * rows + r) * size)], &from[size_t((r * columns + c) * size)],
                  size_t(size));
  return to;
}

std::vector<std::byte> joined(const std::vector<std::byte>& apart) {
  std::vector<std::byte> pairs(apart.size() / 2);
  for (size_t i = 0; i < pairs.size(); i++) pairs[i] = apart[2 * i] | (apart[2 * i + 1] << 4);
  return pairs;
}

// The matrix with lines in rows: the tensor of the file, or its codes moved.
Tensor line_major(const Tensor& x, const Layout& layout) {
  if (!layout.columns) return x;
  const int64_t rows = x.dims[0], columns = x.dims[1];
  auto codes = transposed(bytes_of(x, rows * columns), rows, columns, 1);
  if (is_nibble(x.dtype)) codes = joined(codes);
  return make_tensor(x.dtype, {columns, rows}, std::move(codes));
}

// The same lines with zeros behind each, up to whole blocks.
Tensor padded(const Tensor& lines, int64_t block) {
  const int64_t count = lines.dims[0], length = lines.dims[1];
  if (block == 0 || length % block == 0) return lines;
  const int64_t whole = (length / block + 1) * block;
  const auto from = size_t(ir::size_bytes(lines.dtype, length));
  const auto to = size_t(ir::size_bytes(lines.dtype, whole));
  std::vector<std::byte> bytes(size_t(count) * to);
  for (size_t line = 0; line < size_t(count); line++)
    std::memcpy(&bytes[line * to], &lines.data->bytes[line * from], from);
  return make_tensor(lines.dtype, {count, whole}, std::move(bytes));
}

// Scales or zero points, one to a line or block, in the order of the lines. `per_tensor` ones are
// repeated.
Tensor in_line_order(const Tensor& from, const Layout& layout, int64_t lines, int64_t size) {
  std::vector<std::byte> bytes =
      bytes_of(from, element_count(from.dims).ok() ? *element_count(from.dims) : 0);
  const DType dtype = is_nibble(from.dtype) ? DType::u8 : from.dtype;
  if (int64_t(bytes.size()) == size) {
    std::vector<std::byte> repeated;
    for (int64_t i = 0; i < lines; i++) repeated.insert(repeated.end(), bytes.begin(), bytes.end());
    return make_tensor(dtype, {lines, 1}, std::move(repeated));
  }
  const bool moves = layout.columns && layout.block > 0;
  const std::vector<int64_t> dims = {lines, int64_t(bytes.size()) / size / lines};
  // The file's own bytes, so that what else reads them has the same constant.
  if (!moves && !is_nibble(from.dtype)) return {dtype, dims, from.data};
  if (moves) bytes = transposed(bytes, from.dims[0], from.dims[1], size);
  return make_tensor(dtype, dims, std::move(bytes));
}

bool is_sound(const Tensor& tensor) {
  const auto count = element_count(tensor.dims);
  return count.ok() && *count > 0 &&
         int64_t(tensor.data->bytes.size()) == ir::size_bytes(tensor.dtype, *count);
}

// 4-bit zero points that lie one to a byte, in pairs again.
Tensor nibble_pairs(const Tensor& codes) {
  std::vector<std::byte> apart(codes.data->bytes.begin(), codes.data->bytes.end());
  apart.resize((apart.size() + 1) / 2 * 2);
  return make_tensor(DType::u4, codes.dims, joined(apart));
}

// Signed ones as the floats they are.
Tensor nibble_values(const Tensor& codes) {
  std::vector<float> values;
  for (std::byte code : codes.data->bytes) {
    const int value = int(uint8_t(code));
    values.push_back(float(value > 7 ? value - 16 : value));
  }
  const auto bytes = std::as_bytes(std::span(values));
  return make_tensor(DType::f32, codes.dims, {bytes.begin(), bytes.end()});
}

// The quantized constant, or none when the node has to stay.
Result<ValueId> folded(NodeImport& node) {
  const Tensor *x = node.tensor(0), *scale = node.tensor(1), *zero = node.tensor(2);
  const bool constant = x && scale && (zero || !node.has(2)) && x->dims.size() == 2;
  if (!constant || !node.importer.is_weight(node.output_name(0))) return ValueId::none;
  const bool bytes = x->dtype == DType::u8 || x->dtype == DType::i8;
  if ((!bytes && !is_nibble(x->dtype)) || !ir::is_float(scale->dtype)) return ValueId::none;
  if (!is_sound(*x) || !is_sound(*scale) || (zero && !is_sound(*zero))) return ValueId::none;
  if (zero && (zero->dtype != x->dtype || zero->dims != scale->dims)) return ValueId::none;
  const auto layout = layout_of(node, *x, *scale);
  if (!layout) return ValueId::none;
  const int64_t lines = x->dims[layout->columns ? 1 : 0];
  const int64_t length = x->dims[layout->columns ? 0 : 1];
  if (is_nibble(x->dtype) && length % 2 != 0) return ValueId::none;

  const Tensor codes = padded(line_major(*x, *layout), layout->block);
  const Tensor scales = in_line_order(*scale, *layout, lines, ir::bits(scale->dtype) / 8);
  Tensor zeros;
  PackedWeight packed;
  if (zero) {
    zeros = in_line_order(*zero, *layout, lines, 1);
    if (x->dtype == DType::u4) zeros = nibble_pairs(zeros);
    if (x->dtype == DType::i4) zeros = nibble_values(zeros);
    packed.zero_points = &zeros;
  }
  packed.name = node.input_name(0);
  packed.bits = bytes ? 8 : 4;
  packed.block = layout->block;
  packed.rows = lines;
  packed.columns = length;
  packed.column_major = layout->columns;
  packed.is_signed = x->dtype == DType::i8 || x->dtype == DType::i4;
  packed.data = &codes;
  packed.scales = &scales;
  DType dtype = DType(node.integer("output_dtype", 0));
  if (dtype == DType::undefined) dtype = scale->dtype;
  return quantized_constant(node.importer, packed, dtype);
}

// The floats of a quantized constant [rows, columns], for readers other than products and gathers.
ValueId decoded(NodeImport& node, ValueId weight) {
  const ir::Graph& graph = node.importer.graph;
  const ir::Value& value = graph[weight];
  const ir::Quantization& q = *value.quantization;
  ops::ArrayQuantization codes;
  codes.storage = q.storage;
  codes.block = q.block;
  codes.scale = reinterpret_cast<const float*>(graph[q.scale].constant->bytes.data());
  codes.zero_f32 = reinterpret_cast<const float*>(graph[q.zero_point].constant->bytes.data());
  ops::Array array;
  array.dtype = value.type.dtype;
  for (const ir::Dim& dim : value.type.shape) array.shape.push_back(dim.constant());
  array.strides = ops::row_major(array.shape);
  array.data = const_cast<std::byte*>(value.constant->bytes.data());
  array.quantization = &codes;
  ops::Tensor reals = ops::Tensor::zeros(array.dtype, array.shape);
  ops::copy_elements(array, reals.view());
  const Tensor tensor = make_tensor(reals.dtype, reals.shape, std::move(reals.bytes));
  return node.importer.constant(node.importer.fresh_name(node.output_name(0)), tensor);
}

}  // namespace

Status dequantize_e0m4(NodeImport& node) {
  const Tensor *codes = node.tensor(0), *scale = node.tensor(1), *zero = node.tensor(2);
  if (!codes || !scale || !zero)
    return Error("codes, scales and zero points must be constants of the file");
  if (codes->dtype != DType::u4 || codes->dims.size() != 3)
    return Error("codes are " + std::string(ir::name(codes->dtype)) + " of " +
                 std::to_string(codes->dims.size()) +
                 " dims; u4 [rows, blocks, block] is expected");
  PackedWeight packed;
  packed.name = node.input_name(0);
  packed.block = codes->dims[2];
  packed.rows = codes->dims[0];
  packed.columns = node.integer("columns", 0);
  packed.e0m4 = true;
  packed.data = codes;
  packed.scales = scale;
  packed.zero_points = zero;
  const auto dtype = DType(node.integer("to", int64_t(DType::f32)));
  if (!ir::is_float(dtype)) return Error("`to` names no float type");
  if (!ir::is_float(zero->dtype)) return Error("zero points are no floats");
  const ValueId weight = TRY(quantized_constant(node.importer, packed, dtype));
  node.bind(0, node.importer.is_weight(node.output_name(0)) ? weight : decoded(node, weight));
  return {};
}

Status dequantize_linear(NodeImport& node) {
  const ValueId weight = TRY(folded(node));
  if (weight == ValueId::none)
    return node.finish(Op::DequantizeLinear, node.inputs(), node.attributes());
  node.bind(0, weight);
  return {};
}

}  // namespace weft::onnx
