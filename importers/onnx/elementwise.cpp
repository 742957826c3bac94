// Activations and elementwise ops whose spelling is not ours.
#include <limits>

#include "importers/onnx/element_types.h"
#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

Status gelu(NodeImport& node) { return node.finish(Op::Gelu, {node.input(0)}); }

// Gelu by its tanh polynomial, of x + bias where there is a bias.
Status fast_gelu(NodeImport& node) {
  ValueId x = node.input(0);
  if (node.has(1)) x = TRY(node.add(Op::Add, {x, node.input(1)}));
  return node.finish(Op::Gelu, {x}, {{"approximate", std::string("tanh")}});
}

Status bias_gelu(NodeImport& node) {
  ValueId x = TRY(node.add(Op::Add, {node.input(0), node.input(1)}));
  return node.finish(Op::Gelu, {x});
}

// x * sigmoid(alpha * x)
Status quick_gelu(NodeImport& node) {
  return node.finish(Op::Swish, {node.input(0)}, {{"alpha", node.real("alpha", 1.702)}});
}

// NaN is the one value that does not equal itself.
Status is_nan(NodeImport& node) {
  ValueId x = node.input(0);
  ValueId equal = TRY(node.add(Op::Equal, {x, x}));
  return node.finish(Op::Not, {equal});
}

// Exponents may be of another type than a real base: backends take one type.
Status power(NodeImport& node) {
  ValueId exponent = node.input(1);
  const DType dtype = node.type(node.input(0)).dtype;
  if (ir::is_float(dtype) && node.type(exponent).dtype != dtype)
    exponent = TRY(node.add(Op::Cast, {exponent}, {{"to", int64_t(dtype)}}));
  return node.finish(Op::Pow, {node.input(0), exponent});
}

Status sum(NodeImport& node) {
  ValueId total = node.input(0);
  if (node.input_count() == 1) return node.finish(Op::Identity, {total});
  for (size_t i = 1; i + 1 < node.input_count(); i++)
    total = TRY(node.add(Op::Add, {total, node.input(i)}));
  return node.finish(Op::Add, {total, node.input(node.input_count() - 1)});
}

Status mean(NodeImport& node) {
  ValueId total = node.input(0);
  for (size_t i = 1; i < node.input_count(); i++)
    total = TRY(node.add(Op::Add, {total, node.input(i)}));
  ValueId count = node.float_constant(node.type(total).dtype, double(node.input_count()));
  return node.finish(Op::Div, {total, count});
}

// Infinities of the signs that count.
Status is_inf(NodeImport& node) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  ValueId x = node.input(0);
  const DType dtype = node.type(x).dtype;
  const bool positive = node.integer("detect_positive", 1) != 0;
  const bool negative = node.integer("detect_negative", 1) != 0;
  if (!positive && !negative) {
    ValueId equal = TRY(node.add(Op::Equal, {x, x}));
    return node.finish(Op::And, {equal, TRY(node.add(Op::Not, {equal}))});
  }
  if (positive && negative) x = TRY(node.add(Op::Abs, {x}));
  return node.finish(Op::Equal, {x, node.float_constant(dtype, positive ? infinity : -infinity)});
}

// Of truths, exclusive or is inequality.
Status exclusive_or(NodeImport& node) {
  ValueId equal = TRY(node.add(Op::Equal, {node.input(0), node.input(1)}));
  return node.finish(Op::Not, {equal});
}

// (x > 0) - (x < 0)
Status sign(NodeImport& node) {
  ValueId x = node.input(0);
  const DType dtype = node.type(x).dtype;
  ir::Attrs to{{"to", int64_t(dtype)}};
  ValueId zero = TRY(node.add(Op::Cast, {node.scalar_constant(0)}, to));
  ValueId above = TRY(node.add(Op::Cast, {TRY(node.add(Op::Greater, {x, zero}))}, to));
  ValueId below = TRY(node.add(Op::Cast, {TRY(node.add(Op::Less, {x, zero}))}, to));
  return node.finish(Op::Sub, {above, below});
}

Status tangent(NodeImport& node) {
  ValueId x = node.input(0);
  return node.finish(Op::Div, {TRY(node.add(Op::Sin, {x})), TRY(node.add(Op::Cos, {x}))});
}

Status identity(NodeImport& node) {
  if (const Tensor* constant = node.tensor(0)) {
    node.importer.define(node.output_name(0), Tensor(*constant));
    return {};
  }
  return node.finish(Op::Identity, {node.input(0)});
}

// Without training, Dropout gives its input; the mask it could also give is not supported.
Status dropout(NodeImport& node) {
  if (node.has(2)) {
    const Tensor* training = node.tensor(2);
    if (!training || training->data->bytes.empty() || training->data->bytes[0] != std::byte{0})
      return Error("training_mode must be the constant false; export the model for inference");
  }
  if (node.opset < 7 && node.integer("is_test", 0) == 0)
    return Error("is_test is 0, which means training; export the model for inference");
  if (node.output_count() > 1 && node.wants(1)) return Error("the mask output is not supported");
  return node.finish(Op::Identity, {node.input(0)});
}

// `saturate` and `round_mode` concern 8-bit floats only.
Status cast(NodeImport& node) {
  if (!node.has_attribute("to")) return Error("attribute 'to' is missing");
  int64_t to = node.integer("to", 0);
  if (to < 0 || to > INT32_MAX) return Error("element type " + std::to_string(to) + " is unknown");
  DType dtype = TRY(element_type(int32_t(to)), "attribute 'to'");
  return node.finish(Op::Cast, {node.input(0)}, {{"to", int64_t(dtype)}});
}

Status cast_like(NodeImport& node) {
  DType dtype = node.type(node.input(1)).dtype;
  return node.finish(Op::Cast, {node.input(0)}, {{"to", int64_t(dtype)}});
}

// Bounds are attributes before opset 11, inputs after.
Status clip(NodeImport& node) {
  if (node.opset >= 11) {
    if (node.has_attribute("min") || node.has_attribute("max"))
      return Error("attributes min and max are inputs since opset 11");
    return node.finish(Op::Clip, node.inputs());
  }
  ValueId x = node.input(0);
  DType dtype = node.type(x).dtype;
  ValueId low = ValueId::none, high = ValueId::none;
  if (node.has_attribute("min")) low = node.float_constant(dtype, node.real("min", 0));
  if (node.has_attribute("max")) high = node.float_constant(dtype, node.real("max", 0));
  return node.finish(Op::Clip, {x, low, high});
}

}  // namespace weft::onnx
