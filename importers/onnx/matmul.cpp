// Matrix products that carry more than a product: transposes, factors and a summand (FusedMatMul,
// Gemm), or a weight in blocks of few bits (MatMulNBits).
#include <numeric>

#include "importers/onnx/op_table.h"
#include "importers/onnx/quantized.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

// `x` with its last two dims exchanged.
static Result<ValueId> transposed(NodeImport& node, ValueId x) {
  size_t rank = node.type(x).shape.size();
  if (rank < 2) return x;  // a vector is its own transpose
  std::vector<int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[rank - 1], perm[rank - 2]);
  return node.add(Op::Transpose, {x}, {{"perm", perm}});
}

// `x` with its first dim moved behind the other batch dims: [d0, d1, ..., M, K] to [d1, ..., M, d0,
// K].
static Result<ValueId> batch_transposed(NodeImport& node, ValueId x) {
  size_t rank = node.type(x).shape.size();
  if (rank < 3) return x;
  std::vector<int64_t> perm;
  for (size_t i = 1; i + 1 < rank; i++) perm.push_back(int64_t(i));
  perm.push_back(0);
  perm.push_back(int64_t(rank - 1));
  return node.add(Op::Transpose, {x}, {{"perm", perm}});
}

// alpha * A' * B', where ' is a transpose of the last two dims.
Status fused_mat_mul(NodeImport& node) {
  ValueId a = node.input(0), b = node.input(1);
  if (node.integer("transBatchA", 0) != 0) a = TRY(batch_transposed(node, a));
  if (node.integer("transBatchB", 0) != 0) b = TRY(batch_transposed(node, b));
  if (node.integer("transA", 0) != 0) a = TRY(transposed(node, a));
  if (node.integer("transB", 0) != 0) b = TRY(transposed(node, b));
  double alpha = node.real("alpha", 1);
  if (alpha == 1) return node.finish(Op::MatMul, {a, b});
  ValueId product = TRY(node.add(Op::MatMul, {a, b}));
  ValueId factor = node.float_constant(node.type(product).dtype, alpha);
  return node.finish(Op::Mul, {product, factor});
}

static Result<ValueId> times(NodeImport& node, ValueId x, double factor) {
  if (factor == 1) return x;
  return node.add(Op::Mul, {x, node.float_constant(node.type(x).dtype, factor)});
}

// alpha * A' * B' + beta * C. The transpose of a constant moves nothing (fold_constants).
Status gemm(NodeImport& node) {
  ValueId a = node.input(0), b = node.input(1);
  if (node.type(a).shape.size() != 2 || node.type(b).shape.size() != 2)
    return Error("A is " + ir::str(node.type(a)) + " and B " + ir::str(node.type(b)) +
                 "; matrices are needed");
  if (node.integer("transA", 0) != 0) a = TRY(transposed(node, a));
  if (node.integer("transB", 0) != 0) b = TRY(transposed(node, b));
  ValueId product = TRY(node.add(Op::MatMul, {a, b}));
  product = TRY(times(node, product, node.real("alpha", 1)));
  const double beta = node.real("beta", 1);
  if (!node.has(2) || beta == 0) {
    node.bind(0, product);
    return {};
  }
  return node.finish(Op::Add, {product, TRY(times(node, node.input(2), beta))});
}

// gelu by its tanh polynomial of A * B + bias
Status gemm_fast_gelu(NodeImport& node) {
  ValueId y = TRY(node.add(Op::MatMul, {node.input(0), node.input(1)}));
  if (node.has(2)) y = TRY(node.add(Op::Add, {y, node.input(2)}));
  return node.finish(Op::Gelu, {y}, {{"approximate", std::string("tanh")}});
}

// g_idx names the block of each of the K rows; only the order the blocks have anyway is supported.
static Status check_group_index(const NodeImport& node, int64_t k, int64_t block) {
  if (!node.has(4)) return {};
  std::vector<int64_t> groups = TRY(node.constant_integers(4, "g_idx"));
  bool in_order = int64_t(groups.size()) >= k;
  for (int64_t i = 0; in_order && i < k; i++) in_order = groups[size_t(i)] == i / block;
  if (in_order) return {};
  return Error(
      "g_idx permutes the rows of the weight (act-order), which is not supported; quantize "
      "without act-order");
}

// A * B with B [K, N] in blocks of `block_size` along K, stored by columns: packed [N, blocks,
// block_size * bits / 8], scales [N, blocks], zero points absent, packed like B, or floats.
// accuracy_level lets a runtime round activations; results here are those of the exact weights.
Status mat_mul_n_bits(NodeImport& node) {
  int64_t k = node.integer("K", 0), n = node.integer("N", 0);
  PackedWeight packed;
  packed.bits = node.integer("bits", 4);
  packed.block = node.integer("block_size", 0);
  packed.rows = n;
  packed.columns = k;
  packed.column_major = true;
  packed.data = node.tensor(1);
  packed.scales = node.tensor(2);
  packed.zero_points = node.tensor(3);
  packed.name = node.input_name(1);
  if (!packed.data) return Error("the weight '" + packed.name + "' must be a constant of the file");
  if (!packed.scales) return Error("the scales must be a constant of the file");
  if (node.has(3) && !packed.zero_points)
    return Error("the zero points must be a constant of the file");
  if (packed.data->dtype != DType::u8)
    return Error("the weight is " + std::string(ir::name(packed.data->dtype)) + ", u8 is expected");
  packed.default_zero = packed.bits == 8 ? 128 : 8;
  if (packed.block > 0) TRY(check_group_index(node, k, packed.block));
  ValueId a = node.input(0);
  ValueId b = TRY(quantized_constant(node.importer, packed, node.type(a).dtype));
  if (!node.has(5)) return node.finish(Op::MatMul, {a, b});
  ValueId product = TRY(node.add(Op::MatMul, {a, b}));
  return node.finish(Op::Add, {product, node.input(5)});
}

}  // namespace weft::onnx
