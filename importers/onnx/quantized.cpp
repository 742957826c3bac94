// Checks and unpacks block-quantized weights; see quantized.h. Sources: ONNX Runtime's
// ContribOperators.md, MatMulNBits and GatherBlockQuantized.
#include "importers/onnx/quantized.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "quant/e0m4.h"

namespace weft::onnx {

using ir::DType;
using ir::ValueId;

namespace {

int64_t blocks_of(const PackedWeight& weight) {
  return weight.block == 0 ? 1 : (weight.columns - 1) / weight.block + 1;
}

Status check_numbers(const PackedWeight& weight) {
  if (weight.bits != 4 && weight.bits != 8)
    return Error(std::to_string(weight.bits) + "-bit weights are not supported; 4 and 8 bits are");
  if (weight.block != 0 && (weight.block < 2 || weight.block > (int64_t{1} << 30) ||
                            !std::has_single_bit(uint64_t(weight.block))))
    return Error("block_size " + std::to_string(weight.block) + " is not a power of two");
  if (weight.rows <= 0 || weight.columns <= 0)
    return Error("the weight is [" + std::to_string(weight.rows) + ", " +
                 std::to_string(weight.columns) + "], sizes must be positive");
  TRY(element_count({weight.rows, weight.columns}));
  // With the padding of a row to whole blocks.
  TRY(element_count({weight.rows, blocks_of(weight), std::max<int64_t>(weight.block, 1)}));
  if (weight.block == 0 && weight.bits == 4 && weight.columns % 2 != 0)
    return Error("rows of " + std::to_string(weight.columns) +
                 " 4-bit codes do not end on a byte; an even number is supported");
  return {};
}

Error wrong_size(const std::string& what, int64_t found, int64_t expected) {
  return Error(what + " has " + std::to_string(found) + " bytes, " + std::to_string(expected) +
               " are expected");
}

Status check_size(const std::string& what, const Tensor& tensor, int64_t expected) {
  int64_t found = int64_t(tensor.data->bytes.size());
  if (found != expected) return wrong_size(what, found, expected);
  return {};
}

// Zero points packed like the codes, one to a byte.
Tensor unpacked(const Tensor& packed, int64_t rows, int64_t blocks, bool rows_start_on_bytes) {
  std::vector<std::byte> bytes(size_t(rows * blocks));
  int64_t row_nibbles = rows_start_on_bytes ? (blocks + 1) / 2 * 2 : blocks;
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t block = 0; block < blocks; block++) {
      int64_t nibble = row * row_nibbles + block;
      auto byte = uint8_t(packed.data->bytes[size_t(nibble / 2)]);
      bytes[size_t(row * blocks + block)] = std::byte(nibble % 2 ? byte >> 4 : byte & 15);
    }
  }
  return make_tensor(DType::u8, {rows, blocks}, std::move(bytes));
}

// Signed zero points, one to a byte, as f32: u8 cannot hold them.
Tensor signed_to_f32(const Tensor& codes, int64_t bits) {
  std::vector<std::byte> bytes;
  const int half = 1 << (bits - 1);
  for (std::byte b : codes.data->bytes) {
    const int code = int(uint8_t(b));
    float value = float(code >= half ? code - 2 * half : code);
    auto piece = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  return make_tensor(DType::f32, codes.dims, std::move(bytes));
}

// Zero points of codes 0 .. 15 as storage e0m4 has them; nothing where they are no f32 there.
std::optional<Tensor> zeros_of_e0m4(const Tensor& zeros) {
  std::vector<std::byte> bytes(zeros.data->bytes.begin(), zeros.data->bytes.end());
  for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float zero;
    std::memcpy(&zero, &bytes[at], sizeof zero);
    const auto stored = quant::e0m4::from_codes(zero);
    if (!stored) return {};
    std::memcpy(&bytes[at], &*stored, sizeof *stored);
  }
  return make_tensor(DType::f32, zeros.dims, std::move(bytes));
}

// The zero points as f32 or u8 [rows, blocks].
Result<Tensor> zero_points_of(const PackedWeight& weight) {
  const Tensor& given = *weight.zero_points;
  int64_t rows = weight.rows, blocks = blocks_of(weight);
  if (ir::is_float(given.dtype)) {
    Tensor real = TRY(as_f32(given), "zero points");
    TRY(check_size("the zero point tensor", real, rows * blocks * 4));
    real.dims = {rows, blocks};
    return real;
  }
  bool nibbles = given.dtype == DType::u4 || given.dtype == DType::i4;
  const bool signed_bytes = given.dtype == DType::i8 && weight.bits == 8 && weight.is_signed;
  if (given.dtype != DType::u8 && !nibbles && !signed_bytes)
    return Error("zero points of type " + std::string(ir::name(given.dtype)) +
                 " are not supported; u8, 4-bit and float ones are");
  if (weight.bits == 8) {
    TRY(check_size("the zero point tensor", given, rows * blocks));
    const Tensor bytes{DType::u8, {rows, blocks}, given.data};
    return weight.is_signed ? signed_to_f32(bytes, 8) : bytes;
  }
  nibbles = nibbles || weight.tight_zero_points;
  int64_t expected = nibbles ? (rows * blocks + 1) / 2 : rows * ((blocks + 1) / 2);
  TRY(check_size("the zero point tensor", given, expected));
  Tensor zeros = unpacked(given, rows, blocks, !nibbles);
  return weight.is_signed ? signed_to_f32(zeros, 4) : zeros;
}

}  // namespace

Result<ValueId> quantized_constant(Importer& importer, const PackedWeight& weight, DType dtype) {
  std::string who = "weight '" + weight.name + "'";
  TRY(check_numbers(weight), who);
  int64_t blocks = blocks_of(weight);
  Importer::QuantizedKey key{weight.data->data->content_id, weight.scales->data->content_id,
                             weight.zero_points ? weight.zero_points->data->content_id : Hash128{},
                             weight.column_major};
  ir::Type type{dtype, {weight.rows, weight.columns}};
  if (weight.matrices)
    type.shape = {weight.matrices, weight.rows / weight.matrices, weight.columns};
  if (weight.column_major) std::swap(type.shape[0], type.shape[1]);
  DType storage = weight.bits == 8 ? DType::u8 : DType::u4;
  if (weight.is_signed) storage = weight.bits == 8 ? DType::i8 : DType::i4;
  if (auto it = importer.quantized.find(key); it != importer.quantized.end()) {
    const ir::Value& made = importer.graph[it->second];
    const bool e0m4 = made.quantization->storage == DType::e0m4;
    bool equal = made.type == type && (made.quantization->storage == storage || e0m4) &&
                 e0m4 == weight.e0m4 && made.quantization->block == weight.block;
    if (equal) return it->second;
  }
  const int64_t block = weight.block == 0 ? weight.columns : weight.block;
  int64_t packed_bytes = weight.rows * blocks * (block * weight.bits / 8);
  TRY(check_size(who, *weight.data, packed_bytes));
  Tensor scales = TRY(as_f32(*weight.scales), who + ", scales");
  TRY(check_size(who + ", scales", scales, weight.rows * blocks * 4));
  scales.dims = {weight.rows, blocks};

  ir::Quantization quantization;
  quantization.storage = storage;
  quantization.block = weight.block;
  quantization.zero = weight.zero_points ? 0 : weight.default_zero;
  quantization.scale = importer.constant(importer.fresh_name(weight.name + "/scale"), scales);
  if (weight.zero_points) {
    Tensor zeros = TRY(zero_points_of(weight), who);
    if (const auto moved = weight.e0m4 ? zeros_of_e0m4(zeros) : std::nullopt) {
      zeros = *moved;
      quantization.storage = DType::e0m4;
    }
    quantization.zero_point = importer.constant(importer.fresh_name(weight.name + "/zero"), zeros);
  }
  ValueId id = importer.graph.add_constant(importer.fresh_name(weight.name + "/dequantized"), type,
                                           weight.data->data);
  importer.graph[id].quantization = quantization;
  importer.graph[id].column_major = weight.column_major;
  importer.quantized[key] = id;
  return id;
}

}  // namespace weft::onnx
