// MatMulInteger: y = (a - a_zero) (b - b_zero), exact.
// QLinearMatMul: the same product of reals a_scale (a - a_zero) and b_scale (b - b_zero), given
// back in steps of y_scale.
//
//   a        [B..., M, K]   i8 or u8
//   b        [B..., K, N]   i8 or u8
//   a_zero   like a's dtype: [], [M] or [B..., M, 1]; a_scale float of the same shapes
//   b_zero   like b's dtype: [], [N] or [B..., 1, N]; b_scale float of the same shapes
//   y_zero   i8 or u8, [], [M] or [B..., M, 1]; it gives y's dtype; y_scale likewise
//   y        [B..., M, N]   i32; or i8, u8
//
// Requantizing is one multiplication in f32, as in the integer units that do it in hardware:
//
//   y = saturate(round_even(f32(sum) * f32(f32(a_scale * b_scale) / y_scale)) + y_zero)
//
// Sums are taken in 64 bits; what does not fit 32 wraps. ONNX operators, opset 25:
// MatMulInteger-10, QLinearMatMul-21.
#include <algorithm>
#include <cmath>

#include "core/ops/broadcast.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Status expect_byte(const InferContext& context, size_t input, const std::string& name) {
  if (!context.has(input)) return {};
  const DType dtype = context.type(input).dtype;
  if (dtype == DType::i8 || dtype == DType::u8) return {};
  return Error{name + " is " + std::string(ir::name(dtype)) + ", i8 or u8 is needed"};
}

// The shape of the product, by MatMul's rule.
Result<Shape> product_shape(const InferContext& context, size_t a, size_t b) {
  TRY(expect_byte(context, a, "a"));
  TRY(expect_byte(context, b, "b"));
  const Type left{DType::i32, context.type(a).shape}, right{DType::i32, context.type(b).shape};
  const InferContext::Input inputs[] = {{&left, nullptr}, {&right, nullptr}};
  const Attrs none;
  auto product = TRY(infer(def(ir::Op::MatMul), {inputs, 1, none, context.bounds}));
  return std::move(product[0].type.shape);
}

Result<Outputs> matmul_integer_infer(const InferContext& context) {
  const Shape shape = TRY(product_shape(context, 0, 1));
  TRY(expect_same(context, 0, 2));
  TRY(expect_same(context, 1, 3));
  return one({DType::i32, shape});
}

Result<Outputs> qlinear_matmul_infer(const InferContext& context) {
  const Shape shape = TRY(product_shape(context, 0, 3));
  for (size_t scale : {1, 4, 6}) TRY(expect(context, scale, "a scale", Elements::real));
  TRY(expect_same(context, 0, 2));
  TRY(expect_same(context, 3, 5));
  TRY(expect_byte(context, 7, "the zero point of y"));
  return one({context.type(7).dtype, shape});
}

// A parameter of matrices so that it broadcasts to them: [M] belongs to rows, [N] to columns.
Array parameter(const Array& array, bool of_rows) {
  Array view = array;
  if (of_rows && view.rank() == 1) {
    view.shape.push_back(1);
    view.strides.push_back(0);
  }
  return view;
}

// x - zero, as i64.
Result<Tensor> centered(const Array& x, const Array* zero, bool of_rows) {
  Tensor out = Tensor::zeros(DType::i64, x.shape);
  auto values = load_ints(x);
  if (zero && zero->present()) {
    const auto zeros = TRY(load_ints_broadcast(parameter(*zero, of_rows), x.shape), "a zero point");
    for (size_t i = 0; i < values.size(); ++i) values[i] -= zeros[i];
  }
  store_ints(out.view(), values);
  return out;
}

const Array* optional(const OpCall& call, size_t i) {
  return call.has(i) ? &call.inputs[i] : nullptr;
}

// The exact product in the shape of y.
Result<Tensor> product(const Tensor& a, const Tensor& b, const Array& y) {
  Tensor sums = Tensor::zeros(DType::i64, y.shape);
  const Array inputs[] = {a.view(), b.view()}, outputs[] = {sums.view()};
  const Attrs none;
  TRY(run_reference(def(ir::Op::MatMul), {inputs, outputs, none}));
  return sums;
}

Status matmul_integer_reference(const OpCall& call) {
  const Tensor a = TRY(centered(call.inputs[0], optional(call, 2), true), "a");
  const Tensor b = TRY(centered(call.inputs[1], optional(call, 3), false), "b");
  const Tensor sums = TRY(product(a, b, call.outputs[0]));
  store_ints(call.outputs[0], load_ints(sums.view()));
  return {};
}

Status qlinear_matmul_reference(const OpCall& call) {
  const Tensor a = TRY(centered(call.inputs[0], optional(call, 2), true), "a");
  const Tensor b = TRY(centered(call.inputs[3], optional(call, 5), false), "b");
  const Array& y = call.outputs[0];
  const Tensor sums = TRY(product(a, b, y));
  const auto scale_a = TRY(load_broadcast(parameter(call.inputs[1], true), y.shape), "a's scale");
  const auto scale_b = TRY(load_broadcast(parameter(call.inputs[4], false), y.shape), "b's scale");
  const auto scale_y = TRY(load_broadcast(parameter(call.inputs[6], true), y.shape), "y's scale");
  const auto zero_y =
      TRY(load_ints_broadcast(parameter(call.inputs[7], true), y.shape), "y's zero point");
  const double lo = y.dtype == DType::i8 ? -128 : 0, hi = y.dtype == DType::i8 ? 127 : 255;
  auto values = load_ints(sums.view());
  for (size_t i = 0; i < values.size(); ++i) {
    const float step = float(scale_a[i]) * float(scale_b[i]) / float(scale_y[i]);
    const float real = float(int32_t(values[i])) * step;
    values[i] = int64_t(std::clamp(double(std::nearbyint(real)) + double(zero_y[i]), lo, hi));
  }
  store_ints(y, values);
  return {};
}

}  // namespace

extern const OpDef MatMulInteger_def = {
    "MatMulInteger",          "",          10, 2, 4, 1, 1, matmul_integer_infer,
    matmul_integer_reference, RowWise::yes};
extern const OpDef QLinearMatMul_def = {
    "QLinearMatMul",          "",          21, 8, 8, 1, 1, qlinear_matmul_infer,
    qlinear_matmul_reference, RowWise::yes};

}  // namespace weft::ops
