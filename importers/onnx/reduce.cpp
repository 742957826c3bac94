// Reductions: axes are an attribute in old opsets and an input in new ones. Those that the
// vocabulary does not have are a sum or a maximum between elementwise ops.
#include <limits>

#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::Op;
using ir::ValueId;

namespace {

struct Reduction {
  std::vector<ValueId> axes;  // none, or one constant
  ir::Attrs attrs;

  Result<ValueId> of(NodeImport& node, Op op, ValueId x, bool keep) const {
    std::vector<ValueId> inputs{x};
    inputs.insert(inputs.end(), axes.begin(), axes.end());
    ir::Attrs with = attrs;
    if (keep) with.set("keepdims", int64_t{1});
    return node.add(op, inputs, with);
  }
};

Result<Reduction> reduction(NodeImport& node) {
  Reduction made;
  if (node.has_attribute("axes")) {
    if (node.has(1)) return Error("axes are given twice, as an attribute and as an input");
    std::vector<int64_t> axes = node.integers("axes");
    if (!axes.empty()) made.axes.push_back(node.integers_constant(axes));
  } else if (node.has(1)) {
    made.axes.push_back(node.input(1));
  }
  made.attrs.set("keepdims", node.integer("keepdims", 1));
  if (node.has_attribute("noop_with_empty_axes"))
    made.attrs.set("noop_with_empty_axes", node.integer("noop_with_empty_axes", 0));
  return made;
}

Status finish(NodeImport& node, Op op, ValueId x) {
  Reduction how = TRY(reduction(node));
  std::vector<ValueId> inputs{x};
  inputs.insert(inputs.end(), how.axes.begin(), how.axes.end());
  return node.finish(op, inputs, how.attrs);
}

}  // namespace

Status reduce(NodeImport& node) {
  std::optional<Op> op = ir::parse_op(node.op_type);
  if (!op) return Error("op '" + node.op_type + "' is not in the vocabulary");
  return finish(node, *op, node.input(0));
}

// ReduceSumSquare, and ReduceL2, its square root.
Status reduce_squares(NodeImport& node) {
  ValueId x = node.input(0);
  ValueId squares = TRY(node.add(Op::Mul, {x, x}));
  if (node.op_type != "ReduceL2") return finish(node, Op::ReduceSum, squares);
  ValueId sum = TRY(TRY(reduction(node)).of(node, Op::ReduceSum, squares, false));
  return node.finish(Op::Sqrt, {sum});
}

Status reduce_l1(NodeImport& node) {
  return finish(node, Op::ReduceSum, TRY(node.add(Op::Abs, {node.input(0)})));
}

Status reduce_log_sum(NodeImport& node) {
  ValueId sum = TRY(TRY(reduction(node)).of(node, Op::ReduceSum, node.input(0), false));
  return node.finish(Op::Log, {sum});
}

// log(sum(exp(x - m))) + m with m the largest element, so that no power overflows. An infinite m is
// replaced by a finite one, for infinity less infinity is no number.
Status reduce_log_sum_exp(NodeImport& node) {
  ValueId x = node.input(0);
  const ir::DType dtype = node.type(x).dtype;
  if (!ir::is_float(dtype)) return Error("the input is " + ir::str(node.type(x)) + ", not floats");
  Reduction how = TRY(reduction(node));
  const double most = dtype == ir::DType::f16 ? 65504 : 3.3895313892515355e38;
  ValueId low = node.float_constant(dtype, -most), high = node.float_constant(dtype, most);
  ValueId top = TRY(how.of(node, Op::ReduceMax, x, true));
  top = TRY(node.add(Op::Clip, {top, low, high}));
  ValueId power = TRY(node.add(Op::Exp, {TRY(node.add(Op::Sub, {x, top}))}));
  ValueId sum = TRY(node.add(Op::Log, {TRY(how.of(node, Op::ReduceSum, power, false))}));
  if (node.integer("keepdims", 1) == 0) {
    top = TRY(how.of(node, Op::ReduceMax, x, false));
    top = TRY(node.add(Op::Clip, {top, low, high}));
  }
  return node.finish(Op::Add, {sum, top});
}

// ArgMax and ArgMin: where TopK finds the first. The last of equal elements is the first of the
// reversed axis.
Status arg_extreme(NodeImport& node) {
  ValueId x = node.input(0);
  const int64_t axis = node.integer("axis", 0), rank = int64_t(node.type(x).shape.size());
  if (axis < -rank || axis >= rank)
    return Error("axis " + std::to_string(axis) + " is outside the " + std::to_string(rank) +
                 " dims of the input");
  const bool last = node.integer("select_last_index", 0) != 0;
  ValueId axes = node.integers_constant({axis});
  if (last)
    x = TRY(node.add(Op::Slice, {x, node.integers_constant({-1}),
                                 node.integers_constant({std::numeric_limits<int64_t>::min()}),
                                 axes, node.integers_constant({-1})}));
  std::vector<ValueId> found = TRY(node.add_all(
      Op::TopK, {x, node.integers_constant({1})}, 2,
      {{"axis", axis}, {"largest", int64_t(node.op_type == "ArgMax")}, {"sorted", int64_t{1}}}));
  ValueId place = found[1];
  if (last) {
    ValueId shape = TRY(node.add(Op::Shape, {x}));
    ValueId count =
        TRY(node.add(Op::Gather, {shape, node.scalar_constant(axis)}, {{"axis", int64_t{0}}}));
    ValueId end = TRY(node.add(Op::Sub, {count, node.scalar_constant(1)}));
    place = TRY(node.add(Op::Sub, {end, place}));
  }
  if (node.integer("keepdims", 1) != 0) {
    node.bind(0, place);
    return {};
  }
  return node.finish(Op::Squeeze, {place, axes});
}

// k is an attribute before opset 10.
Status top_k(NodeImport& node) {
  ir::Attrs attrs = node.attributes();
  if (!node.has_attribute("k")) {
    if (!node.has(1)) return Error("k is missing");
    return node.finish(Op::TopK, node.inputs(), attrs);
  }
  attrs.erase("k");
  ValueId k = node.integers_constant({node.integer("k", 0)});
  return node.finish(Op::TopK, {node.input(0), k}, attrs);
}

}  // namespace weft::onnx
