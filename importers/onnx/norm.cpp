// Normalizations: exporters' RMSNormalization under older names, fused residual sums, and Softmax
// with the axis rule of old opsets.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::Op;
using ir::ValueId;

// A weight of the dims that are normalized stays in the op. One that differs along other dims too,
// such as [heads, size] where each head is normalized by itself, becomes a product after it.
static Status normalized(NodeImport& node, Op op) {
  std::vector<ValueId> inputs = node.inputs();
  const sym::Shape x = node.type(inputs[0]).shape;
  const int64_t rank = int64_t(x.size());
  int64_t axis = node.integer("axis", -1);
  if (axis < 0) axis += rank;
  const bool reaches =
      axis >= 0 && axis < rank && int64_t(node.type(inputs[1]).shape.size()) > rank - axis;
  if (!reaches) return node.finish(op, inputs, node.attributes());
  std::vector<int64_t> group;
  for (size_t i = size_t(axis); i < x.size(); i++) {
    if (!x[i].is_constant())
      return Error("the input is " + ir::str(node.type(inputs[0])) +
                   "; the dims that are normalized must be constants where the weight has others");
    group.push_back(x[i].constant());
  }
  const ValueId one = node.float_constant(node.type(inputs[1]).dtype, 1);
  const ValueId ones = TRY(node.add(Op::Expand, {one, node.integers_constant(group)}));
  ValueId y = TRY(node.add(op, {inputs[0], ones}, node.attributes()));
  const bool biased = inputs.size() > 2 && inputs[2] != ValueId::none;
  if (!biased) return node.finish(Op::Mul, {y, inputs[1]});
  y = TRY(node.add(Op::Mul, {y, inputs[1]}));
  return node.finish(Op::Add, {y, inputs[2]});
}

Status rms_normalization(NodeImport& node) { return normalized(node, Op::RMSNormalization); }

// The name RMSNormalization had before opset 23; its attributes are the same. ONNX Runtime and the
// GenAI builder write it into the default domain, where no opset defines it.
Status simplified_layer_normalization(NodeImport& node) {
  return normalized(node, Op::RMSNormalization);
}

// Outputs 1 and 2, mean and inverse deviation, are left to `same`, which refuses them by name.
Status layer_normalization(NodeImport& node) {
  if (node.output_count() > 1) return same(node);
  return normalized(node, Op::LayerNormalization);
}

// input + skip (+ bias), bound to output 3 where the file wants it. Outputs 1 and 2 (mean and
// inverse deviation) only serve training.
static Result<ValueId> residual_sum(NodeImport& node, size_t bias) {
  ValueId sum = TRY(node.add(Op::Add, {node.input(0), node.input(1)}));
  if (node.has(bias)) sum = TRY(node.add(Op::Add, {sum, node.input(bias)}));
  if (node.wants(3)) node.bind(3, sum);
  return sum;
}

Status skip_simplified_layer_normalization(NodeImport& node) {
  ValueId sum = TRY(residual_sum(node, 3));
  ir::Attrs attrs{{"axis", int64_t{-1}}, {"epsilon", node.real("epsilon", 1e-5f)}};
  node.bind(0, TRY(node.add(Op::RMSNormalization, {sum, node.input(2)}, attrs)));
  return {};
}

Status skip_layer_normalization(NodeImport& node) {
  ValueId sum = TRY(residual_sum(node, 4));
  std::vector<ValueId> inputs{sum, node.input(2)};
  if (node.has(3)) inputs.push_back(node.input(3));
  ir::Attrs attrs{{"axis", int64_t{-1}}, {"epsilon", node.real("epsilon", 1e-12f)}};
  node.bind(0, TRY(node.add(Op::LayerNormalization, inputs, attrs)));
  return {};
}

// Before opset 13, Softmax flattens its input to two dims at `axis` (default 1) and normalizes the
// second; after, it normalizes along one axis (default -1).
static Status softmax_of(NodeImport& node, bool logarithm) {
  ValueId x = node.input(0);
  int64_t rank = int64_t(node.type(x).shape.size());
  int64_t axis = node.integer("axis", node.opset >= 13 ? -1 : 1);
  int64_t from_start = axis < 0 ? axis + rank : axis;
  bool flattened = node.opset < 13 && from_start != rank - 1;
  if (from_start < 0 || from_start > rank)
    return Error("axis " + std::to_string(axis) + " is outside the " + std::to_string(rank) +
                 " dims of the input");
  if (!flattened && !logarithm) return node.finish(Op::Softmax, {x}, {{"axis", axis}});
  ValueId y = x;
  if (flattened) {
    y = TRY(node.add(Op::Flatten, {x}, {{"axis", from_start}}));
    axis = -1;
  }
  y = TRY(node.add(Op::Softmax, {y}, {{"axis", axis}}));
  if (logarithm && !flattened) return node.finish(Op::Log, {y});
  if (logarithm) y = TRY(node.add(Op::Log, {y}));
  ValueId shape = TRY(node.add(Op::Shape, {x}));
  return node.finish(Op::Reshape, {y, shape});
}

// x over its L1 or L2 norm along one axis; a line of zeros stays zeros.
Status lp_normalization(NodeImport& node) {
  ValueId x = node.input(0);
  const int64_t p = node.integer("p", 2);
  if (p != 1 && p != 2) return Error("p is " + std::to_string(p) + "; 1 and 2 are supported");
  ValueId parts = TRY(p == 1 ? node.add(Op::Abs, {x}) : node.add(Op::Mul, {x, x}));
  ValueId axes = node.integers_constant({node.integer("axis", -1)});
  ValueId norm = TRY(node.add(Op::ReduceSum, {parts, axes}, {{"keepdims", int64_t{1}}}));
  if (p == 2) norm = TRY(node.add(Op::Sqrt, {norm}));
  const ir::DType dtype = node.type(x).dtype;
  ValueId zero = node.float_constant(dtype, 0), one = node.float_constant(dtype, 1);
  ValueId empty = TRY(node.add(Op::Equal, {norm, zero}));
  norm = TRY(node.add(Op::Where, {empty, one, norm}));
  return node.finish(Op::Div, {x, norm});
}

Status softmax(NodeImport& node) { return softmax_of(node, false); }
Status log_softmax(NodeImport& node) { return softmax_of(node, true); }

}  // namespace weft::onnx
