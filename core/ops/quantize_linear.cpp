// QuantizeLinear: y = saturate(round_even(x / scale) + zero).
// DequantizeLinear: y = (x - zero) * scale.
//
//   x      [...]   float or i32; of DequantizeLinear integers of 4 to 32 bits
//   scale  []      one for all, or
//          [n]     one per index of `axis` (default 1), or
//          [...]   like x with ceil(n / block_size) blocks in `axis`, where block_size is not 0
//   zero   like scale; optional
//   y      like x: of QuantizeLinear zero's dtype, else attribute output_dtype, else u8; of
//          DequantizeLinear attribute output_dtype, else scale's dtype
//
// Division and product are rounded once to the scale's type (attribute `precision` names another
// for the division). ONNX operators, opset 25: QuantizeLinear-25, DequantizeLinear-25.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/half.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

struct Limits {
  double lo, hi;
};

// Of the integers QuantizeLinear gives; nothing for other types.
std::optional<Limits> limits_of(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return Limits{0, 255};
    case DType::i8:
      return Limits{-128, 127};
    case DType::u16:
      return Limits{0, 65535};
    case DType::i16:
      return Limits{-32768, 32767};
    default:
      return {};
  }
}

double rounded_to(DType dtype, double value) {
  if (dtype == DType::f32) return float(value);
  if (dtype == DType::f16) return to_double(to_half(value));
  if (dtype == DType::bf16) return to_double(to_bfloat(value));
  return value;
}

Status check_scale(const InferContext& context) {
  const Shape& x = context.type(0).shape;
  const Shape& scale = context.type(1).shape;
  TRY(expect(context, 1, "the scale", Elements::real));
  if (context.has(2) && context.type(2).shape.size() != scale.size()) {
    return Error{"the zero point is " + sym::str(context.type(2).shape) + " and the scale " +
                 sym::str(scale)};
  }
  const int64_t block = context.attrs.integer("block_size", 0);
  if (block < 0) return Error{"attribute block_size is " + std::to_string(block)};
  if (scale.empty() || (scale.size() == 1 && scale[0] == Dim(1))) return {};
  const int64_t axis =
      TRY(normalize_axis(context.attrs.integer("axis", 1), int64_t(x.size())), "axis");
  if (block == 0 && scale.size() == 1) {
    if (equal(context.bounds, scale[0], x[size_t(axis)]) != sym::Truth::no) return {};
    return Error{"there are " + scale[0].str() + " scales for axis " + std::to_string(axis) +
                 " of " + sym::str(x)};
  }
  if (block > 0 && scale.size() == x.size()) return {};
  return Error{"the scale is " + sym::str(scale) + " for x " + sym::str(x) + " and block_size " +
               std::to_string(block)};
}

Result<Outputs> quantize_infer(const InferContext& context) {
  if (context.type(0).dtype != DType::i32) TRY(expect(context, 0, "x", Elements::real));
  TRY(check_scale(context));
  const int64_t asked = context.attrs.integer("output_dtype", 0);
  DType dtype = asked > 0 && asked < 240 ? DType(asked) : DType::u8;
  if (context.has(2)) dtype = context.type(2).dtype;
  if (!limits_of(dtype) || asked < 0 || asked >= 240) {
    return Error{"y would be " + std::string(ir::name(dtype)) + "; i8, u8, i16 and u16 can be had"};
  }
  return one({dtype, context.type(0).shape});
}

Result<Outputs> dequantize_infer(const InferContext& context) {
  const DType from = context.type(0).dtype;
  const bool known =
      limits_of(from) || from == DType::i32 || from == DType::u4 || from == DType::i4;
  if (!known) {
    return Error{"x is " + std::string(ir::name(from)) + ", an integer of 4 to 32 bits is needed"};
  }
  TRY(check_scale(context));
  TRY(expect_same(context, 0, 2));
  const int64_t asked = context.attrs.integer("output_dtype", 0);
  const DType dtype = asked > 0 && asked < 240 ? DType(asked) : context.type(1).dtype;
  if (!ir::is_float(dtype)) {
    return Error{"y would be " + std::string(ir::name(dtype)) + ", which is no float type"};
  }
  return one({dtype, context.type(0).shape});
}

// Which scale each element has, by row-major position.
class ScaleOf {
 public:
  static Result<ScaleOf> make(const OpCall& call) {
    const Array& x = call.inputs[0];
    const Array& scale = call.inputs[1];
    ScaleOf out;
    if (call.has(2)) TRY(expect_shape(call.inputs[2], "the zero point", scale.shape));
    if (scale.count() == 1 && scale.rank() <= 1) return out;
    const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", 1), x.rank()), "axis");
    out.size_ = x.shape[size_t(axis)];
    for (int64_t d = axis + 1; d < x.rank(); ++d) out.inner_ *= x.shape[size_t(d)];
    const int64_t block = call.attrs.integer("block_size", 0);
    std::vector<int64_t> expected = {out.size_};
    if (block > 0) {
      expected = x.shape;
      out.block_ = block;
      out.blocks_ = expected[size_t(axis)] = (out.size_ + block - 1) / block;
    }
    TRY(expect_shape(scale, "the scale", expected));
    out.one_ = false;
    return out;
  }

  size_t operator()(size_t element) const {
    if (one_) return 0;
    const int64_t at = int64_t(element), along = at / inner_ % size_;
    if (block_ == 0) return size_t(along);
    return size_t((at / inner_ / size_ * blocks_ + along / block_) * inner_ + at % inner_);
  }

 private:
  bool one_ = true;
  int64_t size_ = 1, inner_ = 1, block_ = 0, blocks_ = 1;
};

Status quantize_reference(const OpCall& call) {
  const Array& y = call.outputs[0];
  TRY(expect_shape(y, "y", call.inputs[0].shape));
  const auto limits = limits_of(y.dtype);
  if (!limits) return Error{"y is " + std::string(ir::name(y.dtype))};
  const ScaleOf scale_of = TRY(ScaleOf::make(call));
  const int64_t precision = call.attrs.integer("precision", 0);
  const DType type = precision > 0 ? DType(precision) : call.inputs[1].dtype;
  const auto scales = load_all(call.inputs[1]);
  const auto zeros = call.has(2) ? load_all(call.inputs[2]) : std::vector<double>(scales.size());
  auto values = load_all(call.inputs[0]);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t s = scale_of(i);
    const double quotient = rounded_to(type, rounded_to(type, values[i]) / scales[s]);
    // A NaN has no integer; it becomes the zero point.
    const double whole = std::isnan(quotient) ? 0 : std::nearbyint(quotient);
    values[i] = std::clamp(whole + zeros[s], limits->lo, limits->hi);
  }
  store_all(y, values);
  return {};
}

Status dequantize_reference(const OpCall& call) {
  const Array& y = call.outputs[0];
  TRY(expect_shape(y, "y", call.inputs[0].shape));
  const ScaleOf scale_of = TRY(ScaleOf::make(call));
  const auto scales = load_all(call.inputs[1]);
  const auto zeros = call.has(2) ? load_all(call.inputs[2]) : std::vector<double>(scales.size());
  const DType type = call.inputs[1].dtype;
  auto values = load_all(call.inputs[0]);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t s = scale_of(i);
    values[i] = rounded_to(type, rounded_to(type, values[i] - zeros[s]) * scales[s]);
  }
  store_all(y, values);
  return {};
}

}  // namespace

extern const OpDef QuantizeLinear_def = {
    "QuantizeLinear", "", 25, 2, 3, 1, 1, quantize_infer, quantize_reference, RowWise::yes};
extern const OpDef DequantizeLinear_def = {
    "DequantizeLinear", "", 25, 2, 3, 1, 1, dequantize_infer, dequantize_reference, RowWise::yes};

}  // namespace weft::ops
