// Cast: y = x in another element type. Identity: y = x.
//
//   x  [...]   any type
//   y  like x, of the type of attribute `to` (ONNX's number)
//
// Float to integer truncates toward zero; what the type cannot hold saturates (ONNX leaves it
// open), NaN becomes 0. Integer to a smaller integer keeps the low bits. Anything to bool is `x !=
// 0`. ONNX's `saturate` speaks of 8-bit floats only, which do not occur here. ONNX operators, opset
// 25: Cast-25, Identity-25.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

bool castable(DType dtype) {
  return matches(dtype, Elements::any) || dtype == DType::u4 || dtype == DType::i4;
}

// Whether every length (and what is computed from lengths) survives in this type.
bool keeps_contents(DType from, DType to, const std::vector<Dim>& contents) {
  if (to == DType::i64 || to == from) return true;
  if (to == DType::f32 || to == DType::f64) return true;
  int64_t lo = 0, hi = 0;
  switch (to) {
    case DType::i32:
      lo = INT32_MIN, hi = INT32_MAX;
      break;
    case DType::u32:
      hi = UINT32_MAX;
      break;
    case DType::u64:
      hi = INT64_MAX;
      break;
    case DType::boolean:
      hi = 1;
      break;
    default:
      return false;
  }
  for (const Dim& dim : contents) {
    // Symbols are sizes of tensors: they fit 32 bits, but are not known to be 0 or 1.
    if (dim.is_constant() ? dim.constant() < lo || dim.constant() > hi : to != DType::i32)
      return false;
  }
  return true;
}

Result<Outputs> cast_infer(const InferContext& context) {
  const auto to = context.attrs.integer("to", 0);
  const DType from = context.type(0).dtype;
  if (to < 0 || to > 239 || !castable(DType(to))) {
    return Error{"attribute to is " + std::to_string(to) +
                 "; casts to bool, integers of 4 to 64 bits, f16, bf16, f32 and f64 are supported"};
  }
  if (!castable(from)) return Error{"x is " + std::string(ir::name(from)) + ", which has no cast"};
  Contents contents;
  const auto* known = context.contents(0);
  if (known && keeps_contents(from, DType(to), *known)) contents = *known;
  if (known && !contents && DType(to) == DType::boolean) {
    contents.emplace();
    for (const Dim& dim : *known) {
      const auto zero = equal(context.bounds, dim, 0);
      if (zero == sym::Truth::unknown) return one({DType(to), context.type(0).shape});
      contents->push_back(zero == sym::Truth::yes ? 0 : 1);
    }
  }
  return one({DType(to), context.type(0).shape}, std::move(contents));
}

Status cast_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &y = call.outputs[0];
  TRY(expect_shape(x, "x", y.shape));
  if (ir::is_float(x.dtype) || ir::is_float(y.dtype)) {
    store_all(y, load_all(x));
  } else {
    store_ints(y, load_ints(x));
  }
  return {};
}

Result<Outputs> identity_infer(const InferContext& context) {
  const auto* known = context.contents(0);
  return one(context.type(0), known ? Contents(*known) : Contents());
}

Status identity_reference(const OpCall& call) {
  TRY(expect_shape(call.inputs[0], "x", call.outputs[0].shape));
  copy_elements(call.inputs[0], call.outputs[0]);
  return {};
}

}  // namespace

extern const OpDef Cast_def = {
    "Cast", "", 25, 1, 1, 1, 1, cast_infer, cast_reference, RowWise::broadcast};
extern const OpDef Identity_def = {
    "Identity", "", 25, 1, 1, 1, 1, identity_infer, identity_reference, RowWise::broadcast};

}  // namespace weft::ops
