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
  const bool whole_blocks = block >= 8 && (block & (block - 1)) == 0 && length % block == 0;
  std::vector<int64_t> expected = x.dims;
  if (!whole_blocks) return {};
  expected[size_t(axis)] = length / block;
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
  if (layout.columns && layout.block > 0)
    bytes = transposed(bytes, from.dims[0], from.dims[1], size);
  return make_tensor(dtype, {lines, int64_t(bytes.size()) / size / lines}, std::move(bytes));
}

bool is_sound(const Tensor& tensor) {
  const auto count = element_count(tensor.dims);
  return count.ok() && *count > 0 &&
         int64_t(tensor.data->bytes.size()) == ir::size_bytes(tensor.dtype, *count);
}

// 4-bit zero points that lie one to a byte, as the floats they are.
Tensor nibble_values(const Tensor& codes, bool is_signed) {
  std::vector<float> values;
  for (std::byte code : codes.data->bytes) {
    const int value = int(uint8_t(code));
    values.push_back(float(is_signed && value > 7 ? value - 16 : value));
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

  const Tensor codes = line_major(*x, *layout);
  const Tensor scales = in_line_order(*scale, *layout, lines, ir::bits(scale->dtype) / 8);
  Tensor zeros;
  PackedWeight packed;
  if (zero) {
    zeros = in_line_order(*zero, *layout, lines, 1);
    if (is_nibble(x->dtype)) zeros = nibble_values(zeros, x->dtype == DType::i4);
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

}  // namespace

Status dequantize_linear(NodeImport& node) {
  const ValueId weight = TRY(folded(node));
  if (weight == ValueId::none)
    return node.finish(Op::DequantizeLinear, node.inputs(), node.attributes());
  node.bind(0, weight);
  return {};
}

}  // namespace weft::onnx
