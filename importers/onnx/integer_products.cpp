// Products over integer codes that end in reals (DynamicQuantizeMatMul, MatMulIntegerToFloat): an
// integer product, its scales and a bias.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

// The i32 product of codes as reals, plus a bias where there is one.
static Status scaled(NodeImport& node, const std::vector<ValueId>& codes, ValueId a_scale,
                     ValueId b_scale, ValueId bias) {
  ValueId sum = TRY(node.add(Op::MatMulInteger, codes));
  const DType dtype = node.type(a_scale).dtype;
  sum = TRY(node.add(Op::Cast, {sum}, {{"to", int64_t(dtype)}}));
  ValueId scale = TRY(node.add(Op::Mul, {a_scale, b_scale}));
  if (bias == ValueId::none) return node.finish(Op::Mul, {sum, scale});
  return node.finish(Op::Add, {TRY(node.add(Op::Mul, {sum, scale})), bias});
}

Status dynamic_quantize_mat_mul(NodeImport& node) {
  std::vector<ValueId> a = TRY(node.add_all(Op::DynamicQuantizeLinear, {node.input(0)}, 3));
  std::vector<ValueId> codes{a[0], node.input(1), a[2]};
  if (node.has(3)) codes.push_back(node.input(3));
  return scaled(node, codes, a[1], node.input(2), node.input(4));
}

Status mat_mul_integer_to_float(NodeImport& node) {
  std::vector<ValueId> codes{node.input(0), node.input(1), node.input(4), node.input(5)};
  while (codes.back() == ValueId::none) codes.pop_back();
  return scaled(node, codes, node.input(2), node.input(3), node.input(6));
}

}  // namespace weft::onnx
