// Activations that ONNX names and the vocabulary does not: each is a few elementwise ops, in a form
// that does not overflow where the activation does not.
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

namespace {

ValueId number(NodeImport& node, double value) {
  return node.float_constant(node.type(node.input(0)).dtype, value);
}

Result<ValueId> above_zero(NodeImport& node, ValueId x) {
  return node.add(Op::Max, {x, number(node, 0)});
}
Result<ValueId> below_zero(NodeImport& node, ValueId x) {
  return node.add(Op::Min, {x, number(node, 0)});
}

// a * x, without a product where a is 1.
Result<ValueId> times(NodeImport& node, ValueId x, double factor) {
  if (factor == 1) return x;
  return node.add(Op::Mul, {x, number(node, factor)});
}

// exp(min(x, 0) / a) - 1: what the exponential units have in common.
Result<ValueId> exponential_below_zero(NodeImport& node, ValueId x, double divisor) {
  ValueId low = TRY(below_zero(node, x));
  if (divisor != 1) low = TRY(node.add(Op::Div, {low, number(node, divisor)}));
  ValueId power = TRY(node.add(Op::Exp, {low}));
  return node.add(Op::Sub, {power, number(node, 1)});
}

// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))
Result<ValueId> softplus_of(NodeImport& node, ValueId x) {
  ValueId size = TRY(node.add(Op::Abs, {x}));
  ValueId power = TRY(node.add(Op::Exp, {TRY(node.add(Op::Neg, {size}))}));
  ValueId sum = TRY(node.add(Op::Add, {power, number(node, 1)}));
  return node.add(Op::Add, {TRY(above_zero(node, x)), TRY(node.add(Op::Log, {sum}))});
}

}  // namespace

// Elu, Selu and Celu: factor * (max(x, 0) + alpha * (exp(min(x, 0) / divisor) - 1))
Status exponential_unit(NodeImport& node) {
  const bool selu = node.op_type == "Selu", celu = node.op_type == "Celu";
  const double alpha = node.real("alpha", selu ? 1.67326319217681884765625 : 1);
  if (celu && alpha == 0) return Error("alpha is 0, which divides");
  const double gamma = node.real("gamma", selu ? 1.05070102214813232421875 : 1);
  ValueId x = node.input(0);
  ValueId low = TRY(exponential_below_zero(node, x, celu ? alpha : 1));
  low = TRY(times(node, low, alpha));
  ValueId sum = TRY(node.add(Op::Add, {TRY(above_zero(node, x)), low}));
  node.bind(0, TRY(times(node, sum, gamma)));
  return {};
}

// LeakyRelu and PRelu: max(x, 0) + slope * min(x, 0)
Status leaky_relu(NodeImport& node) {
  ValueId x = node.input(0);
  const bool learnt = node.op_type == "PRelu";
  ValueId slope = learnt ? node.input(1) : number(node, node.real("alpha", 0.01f));
  ValueId low = TRY(node.add(Op::Mul, {slope, TRY(below_zero(node, x))}));
  return node.finish(Op::Add, {TRY(above_zero(node, x)), low});
}

Status thresholded_relu(NodeImport& node) {
  ValueId x = node.input(0);
  ValueId passes = TRY(node.add(Op::Greater, {x, number(node, node.real("alpha", 1))}));
  return node.finish(Op::Where, {passes, x, number(node, 0)});
}

// HardSigmoid: clip(alpha * x + beta, 0, 1). HardSwish: x times that, with 1/6 and 1/2.
Status hard_sigmoid(NodeImport& node) {
  const bool swish = node.op_type == "HardSwish";
  ValueId x = node.input(0);
  ValueId line = TRY(times(node, x, swish ? 1.0 / 6 : node.real("alpha", 0.2f)));
  line = TRY(node.add(Op::Add, {line, number(node, swish ? 0.5 : node.real("beta", 0.5))}));
  std::vector<ValueId> clip{line, number(node, 0), number(node, 1)};
  if (!swish) return node.finish(Op::Clip, clip);
  return node.finish(Op::Mul, {x, TRY(node.add(Op::Clip, clip))});
}

Status softplus(NodeImport& node) {
  node.bind(0, TRY(softplus_of(node, node.input(0))));
  return {};
}

Status mish(NodeImport& node) {
  ValueId x = node.input(0);
  ValueId gate = TRY(node.add(Op::Tanh, {TRY(softplus_of(node, x))}));
  return node.finish(Op::Mul, {x, gate});
}

// com.microsoft: the left half of x + bias times the gelu of the right half.
Status bias_split_gelu(NodeImport& node) {
  ValueId sum = TRY(node.add(Op::Add, {node.input(0), node.input(1)}));
  std::vector<ValueId> halves =
      TRY(node.add_all(Op::Split, {sum}, 2, {{"axis", int64_t{-1}}, {"num_outputs", int64_t{2}}}));
  ValueId gate = TRY(node.add(Op::Gelu, {halves[1]}));
  return node.finish(Op::Mul, {halves[0], gate});
}

}  // namespace weft::onnx
