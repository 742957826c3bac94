// Reductions: axes are an attribute in old opsets and an input in new ones.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::Op;
using ir::ValueId;

static Status reduce_with(NodeImport& node, ValueId x, Op op, bool root) {
  std::vector<ValueId> inputs{x};
  if (node.has_attribute("axes")) {
    if (node.has(1)) return Error("axes are given twice, as an attribute and as an input");
    std::vector<int64_t> axes = node.integers("axes");
    if (!axes.empty()) inputs.push_back(node.integers_constant(axes));
  } else if (node.has(1)) {
    inputs.push_back(node.input(1));
  }
  ir::Attrs attrs{{"keepdims", node.integer("keepdims", 1)}};
  if (node.has_attribute("noop_with_empty_axes"))
    attrs.set("noop_with_empty_axes", node.integer("noop_with_empty_axes", 0));
  if (!root) return node.finish(op, inputs, attrs);
  ValueId reduced = TRY(node.add(op, inputs, attrs));
  return node.finish(Op::Sqrt, {reduced});
}

Status reduce(NodeImport& node) {
  std::optional<Op> op = ir::parse_op(node.op_type);
  if (!op) return Error("op '" + node.op_type + "' is not in the vocabulary");
  return reduce_with(node, node.input(0), *op, false);
}

// ReduceSumSquare, and ReduceL2, its square root.
Status reduce_squares(NodeImport& node) {
  ValueId x = node.input(0);
  ValueId squares = TRY(node.add(Op::Mul, {x, x}));
  return reduce_with(node, squares, Op::ReduceSum, node.op_type == "ReduceL2");
}

}  // namespace weft::onnx
