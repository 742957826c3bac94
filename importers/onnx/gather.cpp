// Gathers that are not Gather: rows of a table quantized in blocks (GatherBlockQuantized), and
// elements by several coordinates at once (GatherND).
#include "importers/onnx/op_table.h"
#include "importers/onnx/quantized.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

// The 4- or 8-bit codes [V, K] come as u8 (two 4-bit codes to a byte) or as 4-bit tensors. Without
// zero points, u8 codes have their zero in the middle and 4-bit tensors at 0.
static Result<PackedWeight> packed_table(const NodeImport& node) {
  PackedWeight packed;
  packed.name = node.input_name(0);
  packed.data = node.tensor(0);
  packed.scales = node.tensor(2);
  packed.zero_points = node.tensor(3);
  if (!packed.data || !packed.scales || (node.has(3) && !packed.zero_points))
    return Error("data, scales and zero points must be constants of the file");
  if (packed.data->dims.size() != 2)
    return Error("data has " + std::to_string(packed.data->dims.size()) + " dims, 2 are supported");
  packed.bits = node.integer("bits", 4);
  packed.block = node.integer("block_size", 128);
  packed.rows = packed.data->dims[0];
  packed.columns = packed.data->dims[1];
  switch (packed.data->dtype) {
    case DType::u8:
      if (packed.bits != 4 && packed.bits != 8) break;
      packed.columns *= 8 / packed.bits;
      packed.default_zero = packed.bits == 8 ? 128 : 8;
      return packed;
    case DType::u4:
      if (packed.bits == 4) return packed;
      break;
    case DType::i4:
      packed.is_signed = true;
      if (packed.bits == 4) return packed;
      break;
    default:
      break;
  }
  return Error("data of type " + std::string(ir::name(packed.data->dtype)) + " with " +
               std::to_string(packed.bits) +
               " bits is not supported; u8 with 4 or 8 bits and "
               "4-bit tensors are");
}

Status gather_block_quantized(NodeImport& node) {
  PackedWeight packed = TRY(packed_table(node));
  int64_t quantize_axis = node.integer("quantize_axis", 1);
  if (node.integer("gather_axis", 0) != 0 || (quantize_axis != 1 && quantize_axis != -1))
    return Error(
        "only rows (gather_axis 0) quantized along themselves (quantize_axis 1) are "
        "supported");
  Tensor scales = *packed.scales;
  DType dtype = scales.dtype;
  ValueId table = TRY(quantized_constant(node.importer, packed, dtype));
  return node.finish(Op::Gather, {table, node.input(1)}, {{"axis", int64_t{0}}});
}

// Coordinate i of the last dim of `indices`, counted from the start of a data dim of size `dim`.
static Result<ValueId> coordinate(NodeImport& node, ValueId indices, ValueId which, ValueId dim) {
  ValueId index = TRY(node.add(Op::Gather, {indices, which}, {{"axis", int64_t{-1}}}));
  ValueId below = TRY(node.add(Op::Less, {index, node.scalar_constant(0)}));
  ValueId wrapped = TRY(node.add(Op::Add, {index, dim}));
  return node.add(Op::Where, {below, wrapped, index});
}

// indices [..., m] name data by its first m dims. With those dims made one, a single Gather does
// it: the position of (i, j, ...) is (i * dim_1 + j) * dim_2 + ...
Status gather_nd(NodeImport& node) {
  if (node.integer("batch_dims", 0) != 0) return Error("batch_dims other than 0 is not supported");
  ValueId data = node.input(0), indices = node.input(1);
  ir::Shape of_indices = node.type(indices).shape;
  int64_t rank = int64_t(node.type(data).shape.size());
  if (of_indices.empty() || !of_indices.back().is_constant() || of_indices.back().constant() < 1 ||
      of_indices.back().constant() > rank)
    return Error("the indices are " + ir::str(node.type(indices)) +
                 "; their last dim must be from 1 "
                 "to the " +
                 std::to_string(rank) + " dims of the data");
  int64_t depth = of_indices.back().constant();
  if (depth == 1) {
    ValueId rows = TRY(node.add(Op::Squeeze, {indices, node.integers_constant({-1})}));
    return node.finish(Op::Gather, {data, rows}, {{"axis", int64_t{0}}});
  }
  ValueId shape = TRY(node.add(Op::Shape, {data}));
  ValueId count = ValueId::none, position = ValueId::none;
  for (int64_t i = 0; i < depth; i++) {
    ValueId which = node.scalar_constant(i);
    ValueId dim = TRY(node.add(Op::Gather, {shape, which}, {{"axis", int64_t{0}}}));
    ValueId index = TRY(coordinate(node, indices, which, dim));
    if (i > 0) {
      ValueId start = TRY(node.add(Op::Mul, {position, dim}));
      index = TRY(node.add(Op::Add, {start, index}));
      dim = TRY(node.add(Op::Mul, {count, dim}));
    }
    position = index;
    count = dim;
  }
  ValueId rows = TRY(node.add(Op::Unsqueeze, {count, node.integers_constant({0})}));
  ValueId rest = TRY(node.add(Op::Shape, {data}, {{"start", depth}}));
  ValueId flat_shape = TRY(node.add(Op::Concat, {rows, rest}, {{"axis", int64_t{0}}}));
  ValueId flat = TRY(node.add(Op::Reshape, {data, flat_shape}, {{"allowzero", int64_t{1}}}));
  return node.finish(Op::Gather, {flat, position}, {{"axis", int64_t{0}}});
}

}  // namespace weft::onnx
