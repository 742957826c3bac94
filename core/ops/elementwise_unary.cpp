// Functions of one element: Neg, Abs, Sqrt, Reciprocal, Exp, Log, Erf, Tanh, Sigmoid, Relu, Gelu,
// Swish, Cos, Sin, Floor, Ceil, Round.
//
//   x  [...]   float; Neg, Abs and Relu take integers too
//   y  like x
//
// Round goes to the nearest whole number, halves to the even one.
// Swish(x) = x * sigmoid(alpha * x). Gelu(x) = x * Phi(x), with Phi the normal distribution
// (approximate = "none") or its tanh fit ("tanh"): Hendrycks & Gimpel, "Gaussian Error Linear
// Units", 2016. ONNX operators, opset 25: Neg-13, Abs-13, Sqrt-13, Reciprocal-13, Exp-13, Log-13,
// Erf-13, Tanh-13, Sigmoid-13, Relu-14, Gelu-20, Swish-24, Cos-22, Sin-22, Floor-13, Ceil-13,
// Round-22.
#include <cmath>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

using sym::Truth;

// exp of a positive number overflows before the quotient does, so the sign decides the form.
double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}
double gelu(double x) { return 0.5 * x * (1 + std::erf(x * M_SQRT1_2)); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(M_2_SQRTPI * M_SQRT1_2 * (x + 0.044715 * x * x * x)));
}
double negate(double x) { return -x; }
double absolute(double x) { return std::fabs(x); }
double square_root(double x) { return std::sqrt(x); }
double reciprocal(double x) { return 1 / x; }
double exponential(double x) { return std::exp(x); }
double logarithm(double x) { return std::log(x); }
double error_function(double x) { return std::erf(x); }
double hyperbolic_tangent(double x) { return std::tanh(x); }
double rectify(double x) { return x < 0 ? 0 : x; }
double cosine(double x) { return std::cos(x); }
double sine(double x) { return std::sin(x); }
double round_down(double x) { return std::floor(x); }
double round_up(double x) { return std::ceil(x); }
double round_even(double x) { return std::nearbyint(x); }

int64_t negate_int(int64_t x) { return int64_t(-uint64_t(x)); }
int64_t absolute_int(int64_t x) { return x < 0 ? negate_int(x) : x; }
int64_t rectify_int(int64_t x) { return x < 0 ? 0 : x; }

template <typename Fn>
Status map(const OpCall& call, Fn fn) {
  TRY(expect_shape(call.inputs[0], "x", call.outputs[0].shape));
  auto x = load_all(call.inputs[0]);
  for (double& value : x) value = fn(value);
  store_all(call.outputs[0], x);
  return {};
}

template <double (*fn)(double)>
Status run(const OpCall& call) {
  return map(call, fn);
}

template <double (*real)(double), int64_t (*integer)(int64_t)>
Status run_number(const OpCall& call) {
  if (ir::is_float(call.inputs[0].dtype)) return map(call, real);
  TRY(expect_shape(call.inputs[0], "x", call.outputs[0].shape));
  auto x = load_ints(call.inputs[0]);
  for (int64_t& value : x) value = integer(value);
  store_ints(call.outputs[0], x);
  return {};
}

Status gelu_reference(const OpCall& call) {
  const bool fit = call.attrs.text("approximate", "none") == "tanh";
  return map(call, fit ? gelu_tanh : gelu);
}

Status swish_reference(const OpCall& call) {
  const double alpha = call.attrs.real("alpha", 1);
  return map(call, [alpha](double x) { return x * sigmoid(alpha * x); });
}

Result<Outputs> real_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  return one(context.type(0));
}

// The contents of float tensors are whole numbers already.
Result<Outputs> rounding_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  const auto* known = context.contents(0);
  return one(context.type(0), known ? Contents(*known) : Contents());
}

Result<Outputs> gelu_infer(const InferContext& context) {
  const std::string approximate = context.attrs.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    return Error{"attribute approximate is \"" + approximate +
                 "\", it can be \"none\" or \"tanh\""};
  }
  return real_infer(context);
}

std::optional<Dim> neg_dim(const sym::Bounds&, const Dim& x) { return Dim(0) - x; }
std::optional<Dim> abs_dim(const sym::Bounds& bounds, const Dim& x) {
  if (bounds.ge(x, 0) == Truth::yes) return x;
  if (bounds.ge(0, x) == Truth::yes) return Dim(0) - x;
  return {};
}
std::optional<Dim> relu_dim(const sym::Bounds& bounds, const Dim& x) {
  return larger(bounds, x, 0);
}

template <std::optional<Dim> (*fn)(const sym::Bounds&, const Dim&)>
Result<Outputs> number_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::number));
  Contents contents;
  if (const auto* known = context.contents(0)) {
    contents.emplace();
    for (const Dim& dim : *known) {
      const auto value = fn(context.bounds, dim);
      if (!value) return one(context.type(0));
      contents->push_back(*value);
    }
  }
  return one(context.type(0), fitting(context.type(0).dtype, std::move(contents)));
}

constexpr OpDef unary(const char* name, int since_version, InferFn infer, ReferenceFn reference) {
  return {name, "", since_version, 1, 1, 1, 1, infer, reference, RowWise::broadcast};
}

}  // namespace

extern const OpDef Neg_def =
    unary("Neg", 13, number_infer<neg_dim>, run_number<negate, negate_int>);
extern const OpDef Abs_def =
    unary("Abs", 13, number_infer<abs_dim>, run_number<absolute, absolute_int>);
extern const OpDef Relu_def =
    unary("Relu", 14, number_infer<relu_dim>, run_number<rectify, rectify_int>);
extern const OpDef Sqrt_def = unary("Sqrt", 13, real_infer, run<square_root>);
extern const OpDef Reciprocal_def = unary("Reciprocal", 13, real_infer, run<reciprocal>);
extern const OpDef Exp_def = unary("Exp", 13, real_infer, run<exponential>);
extern const OpDef Log_def = unary("Log", 13, real_infer, run<logarithm>);
extern const OpDef Erf_def = unary("Erf", 13, real_infer, run<error_function>);
extern const OpDef Tanh_def = unary("Tanh", 13, real_infer, run<hyperbolic_tangent>);
extern const OpDef Sigmoid_def = unary("Sigmoid", 13, real_infer, run<sigmoid>);
extern const OpDef Gelu_def = unary("Gelu", 20, gelu_infer, gelu_reference);
extern const OpDef Swish_def = unary("Swish", 24, real_infer, swish_reference);
extern const OpDef Cos_def = unary("Cos", 22, real_infer, run<cosine>);
extern const OpDef Sin_def = unary("Sin", 22, real_infer, run<sine>);
extern const OpDef Floor_def = unary("Floor", 13, rounding_infer, run<round_down>);
extern const OpDef Ceil_def = unary("Ceil", 13, rounding_infer, run<round_up>);
extern const OpDef Round_def = unary("Round", 22, rounding_infer, run<round_even>);

}  // namespace weft::ops
