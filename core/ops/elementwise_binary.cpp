// Add, Sub, Mul, Div, Pow, Mod, Max, Min: z = x op y, broadcast as in numpy.
//
//   x, y  [...]   float or integer, one element type (Pow: the exponent may be of another)
//   z     broadcast(x, y), of x's type
//
// Integers are exact and wrap; Div truncates toward zero. Mod with fmod = 0 takes the divisor's
// sign, with fmod = 1 the dividend's; floats need fmod = 1. Max and Min take any number of inputs
// and give NaN when one is NaN. ONNX operators, opset 25: Add-14, Sub-14, Mul-14, Div-14, Pow-15,
// Mod-13, Max-13, Min-13.
#include <cmath>
#include <functional>
#include <limits>

#include "core/ops/broadcast.h"
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

using sym::Truth;

// Wrapping arithmetic, without the undefined overflow of signed types.
int64_t wrap_add(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
int64_t wrap_sub(int64_t a, int64_t b) { return int64_t(uint64_t(a) - uint64_t(b)); }
int64_t wrap_mul(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }

int64_t divide(int64_t a, int64_t b) { return b == -1 ? wrap_sub(0, a) : a / b; }

int64_t floor_mod(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

int64_t trunc_mod(int64_t a, int64_t b) { return b == -1 ? 0 : a % b; }

int64_t power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 ? -1 : 1;
    return 0;
  }
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = wrap_mul(result, base);
    base = wrap_mul(base, base);
  }
  return result;
}

double max_or_nan(double a, double b) { return std::isnan(a) || a > b ? a : b; }
double min_or_nan(double a, double b) { return std::isnan(a) || a < b ? a : b; }

// Reals and integers go their own ways: an int64 does not fit a double.
template <typename Real, typename Integer>
Status apply(const OpCall& call, Real real, Integer integer) {
  const Array& out = call.outputs[0];
  if (ir::is_float(out.dtype) || !ir::is_integer(call.inputs[1].dtype)) {
    auto x = TRY(load_broadcast(call.inputs[0], out.shape));
    const auto y = TRY(load_broadcast(call.inputs[1], out.shape));
    for (size_t i = 0; i < x.size(); ++i) x[i] = real(x[i], y[i]);
    store_all(out, x);
  } else {
    auto x = TRY(load_ints_broadcast(call.inputs[0], out.shape));
    const auto y = TRY(load_ints_broadcast(call.inputs[1], out.shape));
    for (size_t i = 0; i < x.size(); ++i) x[i] = integer(x[i], y[i]);
    store_ints(out, x);
  }
  return {};
}

Status no_zero_divisor(const OpCall& call) {
  if (ir::is_float(call.outputs[0].dtype)) return {};
  for (int64_t divisor : load_ints(call.inputs[1])) {
    if (divisor == 0) return Error{"an integer is divided by zero"};
  }
  return {};
}

Status add_reference(const OpCall& call) { return apply(call, std::plus<double>(), wrap_add); }
Status sub_reference(const OpCall& call) { return apply(call, std::minus<double>(), wrap_sub); }
Status mul_reference(const OpCall& call) {
  return apply(call, std::multiplies<double>(), wrap_mul);
}
Status div_reference(const OpCall& call) {
  TRY(no_zero_divisor(call));
  return apply(
      call, [](double a, double b) { return a / b; }, divide);
}
Status pow_reference(const OpCall& call) {
  return apply(
      call, [](double a, double b) { return std::pow(a, b); }, power);
}
Status mod_reference(const OpCall& call) {
  TRY(no_zero_divisor(call));
  const auto real = [](double a, double b) { return std::fmod(a, b); };
  if (call.attrs.integer("fmod", 0) != 0) return apply(call, real, trunc_mod);
  return apply(call, real, floor_mod);
}

// Max and Min over any number of inputs.
template <typename Real, typename Integer>
Status fold(const OpCall& call, Real real, Integer integer) {
  const Array& out = call.outputs[0];
  if (ir::is_float(out.dtype)) {
    auto best = TRY(load_broadcast(call.inputs[0], out.shape));
    for (size_t k = 1; k < call.inputs.size(); ++k) {
      const auto next = TRY(load_broadcast(call.inputs[k], out.shape));
      for (size_t i = 0; i < best.size(); ++i) best[i] = real(best[i], next[i]);
    }
    store_all(out, best);
  } else {
    auto best = TRY(load_ints_broadcast(call.inputs[0], out.shape));
    for (size_t k = 1; k < call.inputs.size(); ++k) {
      const auto next = TRY(load_ints_broadcast(call.inputs[k], out.shape));
      for (size_t i = 0; i < best.size(); ++i) best[i] = integer(best[i], next[i]);
    }
    store_ints(out, best);
  }
  return {};
}
Status max_reference(const OpCall& call) {
  return fold(call, max_or_nan, [](int64_t a, int64_t b) { return a > b ? a : b; });
}
Status min_reference(const OpCall& call) {
  return fold(call, min_or_nan, [](int64_t a, int64_t b) { return a < b ? a : b; });
}

std::optional<Dim> add_dims(const sym::Bounds&, const Dim& a, const Dim& b) { return a + b; }
std::optional<Dim> sub_dims(const sym::Bounds&, const Dim& a, const Dim& b) { return a - b; }
std::optional<Dim> mul_dims(const sym::Bounds&, const Dim& a, const Dim& b) { return a * b; }
std::optional<Dim> max_dims(const sym::Bounds& s, const Dim& a, const Dim& b) {
  return larger(s, a, b);
}
std::optional<Dim> min_dims(const sym::Bounds& s, const Dim& a, const Dim& b) {
  return smaller(s, a, b);
}

// Of floats: only an exact quotient is an integer.
std::optional<Dim> exact_dims(const sym::Bounds&, const Dim& a, const Dim& b) {
  if (b == Dim(0)) return {};
  return sym::divide_exactly(a, b);
}

// Truncation and floor agree where neither operand is negative.
std::optional<Dim> div_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  if (b == Dim(0)) return {};
  if (a.is_constant() && b.is_constant()) return Dim(divide(a.constant(), b.constant()));
  if (auto exact = sym::divide_exactly(a, b)) return exact;
  if (bounds.ge(a, 0) == Truth::yes && bounds.ge(b, 1) == Truth::yes) return sym::floordiv(a, b);
  return {};
}

std::optional<Dim> mod_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  if (b == Dim(0)) return {};
  if (a.is_constant() && b.is_constant()) return Dim(floor_mod(a.constant(), b.constant()));
  if (bounds.ge(a, 0) == Truth::yes && bounds.ge(b, 1) == Truth::yes) return sym::mod(a, b);
  return {};
}

Result<Outputs> arithmetic(const InferContext& context, BinaryContents fn) {
  TRY(expect(context, 0, "the left operand", Elements::number));
  const Type &x = context.type(0), &y = context.type(1);
  Shape shape = TRY(broadcast(context.bounds, x.shape, y.shape));
  Contents contents;
  if (fn) contents = zip_contents(context, 0, 1, shape, fn);
  return one({x.dtype, std::move(shape)}, fitting(x.dtype, std::move(contents)));
}

template <BinaryContents fn>
Result<Outputs> same_type(const InferContext& context) {
  TRY(expect_same(context, 0, 1));
  return arithmetic(context, fn);
}

Result<Outputs> div_infer(const InferContext& context) {
  TRY(expect_same(context, 0, 1));
  return arithmetic(context, ir::is_float(context.type(0).dtype) ? exact_dims : div_dims);
}

Result<Outputs> pow_infer(const InferContext& context) {
  TRY(expect(context, 1, "the exponent", Elements::number));
  return arithmetic(context, nullptr);
}

Result<Outputs> mod_infer(const InferContext& context) {
  TRY(expect_same(context, 0, 1));
  const bool fmod = context.attrs.integer("fmod", 0) != 0;
  if (ir::is_float(context.type(0).dtype) && !fmod) {
    return Error{"Mod of floats needs fmod = 1"};
  }
  return arithmetic(context, fmod ? nullptr : mod_dims);
}

template <BinaryContents fn>
Result<Outputs> variadic(const InferContext& context) {
  TRY(expect(context, 0, "input 0", Elements::number));
  Type out = context.type(0);
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    TRY(expect_same(context, 0, i));
    out.shape = TRY(broadcast(context.bounds, out.shape, context.type(i).shape));
  }
  Contents contents;
  if (context.inputs.size() == 1 && context.contents(0)) contents = *context.contents(0);
  if (context.inputs.size() == 2) contents = zip_contents(context, 0, 1, out.shape, fn);
  return one(std::move(out), std::move(contents));
}

}  // namespace

extern const OpDef Add_def = {
    "Add", "", 14, 2, 2, 1, 1, same_type<add_dims>, add_reference, RowWise::broadcast};
extern const OpDef Sub_def = {
    "Sub", "", 14, 2, 2, 1, 1, same_type<sub_dims>, sub_reference, RowWise::broadcast};
extern const OpDef Mul_def = {
    "Mul", "", 14, 2, 2, 1, 1, same_type<mul_dims>, mul_reference, RowWise::broadcast};
extern const OpDef Div_def = {
    "Div", "", 14, 2, 2, 1, 1, div_infer, div_reference, RowWise::broadcast};
extern const OpDef Pow_def = {
    "Pow", "", 15, 2, 2, 1, 1, pow_infer, pow_reference, RowWise::broadcast};
extern const OpDef Mod_def = {
    "Mod", "", 13, 2, 2, 1, 1, mod_infer, mod_reference, RowWise::broadcast};
extern const OpDef Max_def = {
    "Max", "", 13, 1, -1, 1, 1, variadic<max_dims>, max_reference, RowWise::broadcast};
extern const OpDef Min_def = {
    "Min", "", 13, 1, -1, 1, 1, variadic<min_dims>, min_reference, RowWise::broadcast};

}  // namespace weft::ops
