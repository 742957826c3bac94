// ConstantOfShape: a tensor of a given shape with one value everywhere.
//
//   shape  [r]        i64
//   y      [shape]    element type: attribute `dtype`, ONNX's number (default 1, f32)
//
// ONNX's attribute `value` is a one-element tensor; here it is the number (integer or real, default
// 0) beside `dtype`, as attributes hold no tensors. ONNX operators, opset 25: ConstantOfShape-25.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> constant_of_shape_infer(const InferContext& context) {
  const int64_t dtype = context.attrs.integer("dtype", int64_t(DType::f32));
  if (dtype < 0 || dtype > 239 || !matches(DType(dtype), Elements::any)) {
    return Error{"attribute dtype is " + std::to_string(dtype) +
                 "; bool, integers of 8 to 64 bits, f16, bf16, f32 and f64 are supported"};
  }
  const Shape shape = TRY(known_ints(context, 0, "shape"));
  for (const Dim& dim : shape) {
    if (dim.is_constant() && dim.constant() < 0) return Error{"shape is " + sym::str(shape)};
  }
  Contents contents;
  if (const auto count = small_count(shape); count && !ir::is_float(DType(dtype))) {
    contents.emplace(size_t(*count), Dim(context.attrs.integer("value", 0)));
  }
  return one({DType(dtype), shape}, std::move(contents));
}

Status constant_of_shape_reference(const OpCall& call) {
  const Array& y = call.outputs[0];
  TRY(expect_shape(y, "y", load_ints(call.inputs[0])));
  const int64_t whole = call.attrs.integer("value", 0);
  if (ir::is_float(y.dtype)) {
    const double value = call.attrs.real("value", double(whole));
    store_all(y, std::vector<double>(size_t(y.count()), value));
  } else {
    store_ints(y, std::vector<int64_t>(size_t(y.count()), whole));
  }
  return {};
}

}  // namespace

extern const OpDef ConstantOfShape_def = {
    "ConstantOfShape", "", 25, 1, 1, 1, 1, constant_of_shape_infer, constant_of_shape_reference};

}  // namespace weft::ops
