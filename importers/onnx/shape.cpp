// Constants, and ops that move elements: what was an attribute in an old opset becomes an input.
#include <cstring>

#include "importers/onnx/op_table.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::ValueId;

static Tensor floats(const std::vector<double>& values, bool scalar) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  for (size_t i = 0; i < values.size(); i++) {
    float value = float(values[i]);
    std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof value);
  }
  std::vector<int64_t> dims;
  if (!scalar) dims.push_back(int64_t(values.size()));
  return make_tensor(DType::f32, std::move(dims), std::move(bytes));
}

Status constant(NodeImport& node) {
  Tensor value;
  if (node.has_attribute("value")) {
    value = TRY(node.tensor_attribute("value"));
  } else if (node.has_attribute("value_int")) {
    value = make_integers({node.integer("value_int", 0)});
    value.dims.clear();
  } else if (node.has_attribute("value_ints")) {
    value = make_integers(node.integers("value_ints"));
  } else if (node.has_attribute("value_float")) {
    value = floats({node.real("value_float", 0)}, true);
  } else if (node.has_attribute("value_floats")) {
    value = floats(node.reals("value_floats"), false);
  } else {
    return Error("it has none of the attributes value, value_int(s) and value_float(s)");
  }
  if (node.wants(0)) node.importer.define(node.output_name(0), std::move(value));
  return {};
}

// The one element of `value` as attributes of ConstantOfShape.
static Result<ir::Attrs> fill_value(const Tensor& value) {
  if (TRY(element_count(value.dims)) != 1) return Error("attribute 'value' needs one element");
  ir::Attrs attrs{{"dtype", int64_t(value.dtype)}};
  if (ir::is_float(value.dtype)) {
    Tensor real = TRY(as_f32(value));
    float element = 0;
    std::memcpy(&element, real.data->bytes.data(), sizeof element);
    attrs.set("value", double(element));
  } else if (value.dtype == DType::boolean) {
    attrs.set("value", int64_t(value.data->bytes[0] != std::byte{0}));
  } else {
    attrs.set("value", TRY(integers(value), "attribute 'value'")[0]);
  }
  return attrs;
}

Status constant_of_shape(NodeImport& node) {
  ir::Attrs attrs{{"dtype", int64_t(DType::f32)}, {"value", 0.0}};
  if (node.has_attribute("value")) attrs = TRY(fill_value(TRY(node.tensor_attribute("value"))));
  return node.finish(Op::ConstantOfShape, {node.input(0)}, attrs);
}

// The concrete dims that a Reshape of `count` elements of shape `from` to `wanted` gives.
static Result<std::vector<int64_t>> reshaped(const std::vector<int64_t>& from, int64_t count,
                                             std::vector<int64_t> wanted, bool allowzero) {
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < wanted.size(); i++) {
    if (wanted[i] == 0 && !allowzero) {
      if (i >= from.size()) return Error("dim 0 at " + std::to_string(i) + " has no source");
      wanted[i] = from[i];
    }
    if (wanted[i] == -1) {
      if (open >= 0) return Error("the shape has two dims of -1");
      open = int64_t(i);
    } else if (wanted[i] < 0 || __builtin_mul_overflow(known, wanted[i], &known)) {
      return Error("dim " + std::to_string(wanted[i]) + " is not a size");
    }
  }
  if (open >= 0 && known != 0) wanted[size_t(open)] = count / known;
  bool fits = TRY(element_count(wanted)) == count && (open < 0 || known != 0);
  if (!fits) return Error(std::to_string(count) + " elements do not fit the shape asked for");
  return wanted;
}

// A constant reshaped to a constant shape stays a tensor of the file, sharing its bytes: packed
// weights reach their op through such nodes.
Status reshape(NodeImport& node) {
  bool allowzero = node.integer("allowzero", 0) != 0;
  std::vector<int64_t> wanted = node.integers("shape");
  bool known = node.has_attribute("shape") && node.opset < 5;
  if (!known && !node.has(1)) return Error("the shape is missing");
  if (!known && node.tensor(1)) {
    wanted = TRY(node.constant_integers(1, "shape"));
    known = true;
  }
  if (const Tensor* data = node.tensor(0); data && known) {
    Tensor folded = *data;
    int64_t count = TRY(element_count(data->dims));
    folded.dims = TRY(reshaped(data->dims, count, wanted, allowzero));
    node.importer.define(node.output_name(0), std::move(folded));
    return {};
  }
  ValueId shape = node.has(1) ? node.input(1) : node.integers_constant(wanted);
  return node.finish(Op::Reshape, {node.input(0), shape}, {{"allowzero", int64_t(allowzero)}});
}

// Squeeze and Unsqueeze: axes are an attribute before opset 13.
Status squeeze(NodeImport& node) {
  Op op = node.op_type == "Squeeze" ? Op::Squeeze : Op::Unsqueeze;
  std::vector<ValueId> inputs{node.input(0)};
  if (node.has(1)) {
    inputs.push_back(node.input(1));
  } else if (node.has_attribute("axes")) {
    inputs.push_back(node.integers_constant(node.integers("axes")));
  }
  return node.finish(op, inputs);
}

// Lengths are an attribute before opset 13; the number of parts is one from opset 18 on, and the
// number of outputs in between.
Status split(NodeImport& node) {
  ir::Attrs attrs{{"axis", node.integer("axis", 0)}};
  std::vector<ValueId> inputs{node.input(0)};
  if (node.has(1)) {
    inputs.push_back(node.input(1));
  } else if (node.has_attribute("split")) {
    inputs.push_back(node.integers_constant(node.integers("split")));
  } else {
    attrs.set("num_outputs", node.integer("num_outputs", int64_t(node.output_count())));
  }
  return node.finish(Op::Split, inputs, attrs);
}

// Starts, ends and axes are attributes before opset 10.
Status slice(NodeImport& node) {
  if (!node.has_attribute("starts")) {
    if (node.has_attribute("axes") || node.has_attribute("ends"))
      return Error("axes and ends are attributes, but starts is not");
    return node.finish(Op::Slice, node.inputs());
  }
  std::vector<ValueId> inputs{node.input(0), node.integers_constant(node.integers("starts")),
                              node.integers_constant(node.integers("ends"))};
  if (node.has_attribute("axes")) inputs.push_back(node.integers_constant(node.integers("axes")));
  return node.finish(Op::Slice, inputs);
}

// Pads and the value are attributes before opset 11.
Status pad(NodeImport& node) {
  ir::Attrs attrs;
  if (node.has_attribute("mode")) attrs.set("mode", node.text("mode", "constant"));
  if (!node.has_attribute("pads")) {
    if (!node.has(1)) return Error("pads are missing");
    return node.finish(Op::Pad, node.inputs(), attrs);
  }
  ValueId x = node.input(0);
  ValueId value = node.float_constant(node.type(x).dtype, node.real("value", 0));
  return node.finish(Op::Pad, {x, node.integers_constant(node.integers("pads")), value}, attrs);
}

// ScatterElements by the name it had before opset 11.
Status scatter(NodeImport& node) {
  return node.finish(Op::ScatterElements, node.inputs(), node.attributes());
}

// The axis defaults to 1 before opset 4.
Status concat(NodeImport& node) {
  if (!node.has_attribute("axis") && node.opset >= 4) return Error("attribute 'axis' is missing");
  return node.finish(Op::Concat, node.inputs(), {{"axis", node.integer("axis", 1)}});
}

}  // namespace weft::onnx
