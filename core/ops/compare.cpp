// Equal, Less, LessOrEqual, Greater, GreaterOrEqual; And, Or, Not: z = x op y, a boolean.
//
//   x, y  [...]   one element type: numbers (Equal: booleans too), or booleans for And, Or, Not
//   z     bool, broadcast(x, y)
//
// A comparison of lengths that the bounds of their symbols decide is known without running it:
// Equal(shape, -1) is false, as no dim is negative.
// ONNX operators, opset 25: Equal-19, Less-13, LessOrEqual-16, Greater-13, GreaterOrEqual-16,
// And-7, Or-7, Not-1.
#include <functional>

#include "core/ops/broadcast.h"
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

using sym::Truth;

std::optional<Dim> decided(Truth truth) {
  if (truth == Truth::unknown) return {};
  return Dim(truth == Truth::yes ? 1 : 0);
}
std::optional<Dim> equal_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  return decided(equal(bounds, a, b));
}
std::optional<Dim> ge_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  // Apart from the rest: one more than the largest integer is not larger.
  if (a.is_constant() && b.is_constant()) return Dim(a.constant() >= b.constant() ? 1 : 0);
  if (bounds.ge(b, a + 1) == Truth::yes) return Dim(0);
  return decided(bounds.ge(a, b));
}
std::optional<Dim> opposite(std::optional<Dim> truth) {
  if (truth) truth = Dim(1) - *truth;
  return truth;
}
std::optional<Dim> le_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  return ge_dims(bounds, b, a);
}
std::optional<Dim> gt_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  return opposite(ge_dims(bounds, b, a));
}
std::optional<Dim> lt_dims(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  return opposite(ge_dims(bounds, a, b));
}
std::optional<Dim> and_dims(const sym::Bounds&, const Dim& a, const Dim& b) { return a * b; }
std::optional<Dim> or_dims(const sym::Bounds&, const Dim& a, const Dim& b) {
  return Dim(a == Dim(0) && b == Dim(0) ? 0 : 1);
}

template <BinaryContents fn, Elements elements>
Result<Outputs> infer_pair(const InferContext& context) {
  TRY(expect(context, 0, "the left operand", elements));
  TRY(expect_same(context, 0, 1));
  Shape shape = TRY(broadcast(context.bounds, context.type(0).shape, context.type(1).shape));
  auto contents = zip_contents(context, 0, 1, shape, fn);
  return one({DType::boolean, std::move(shape)}, std::move(contents));
}

template <typename Compare>
Status run_pair(const OpCall& call) {
  const Array& out = call.outputs[0];
  std::vector<int64_t> z;
  if (ir::is_float(call.inputs[0].dtype)) {
    const auto x = TRY(load_broadcast(call.inputs[0], out.shape));
    const auto y = TRY(load_broadcast(call.inputs[1], out.shape));
    for (size_t i = 0; i < x.size(); ++i) z.push_back(Compare()(x[i], y[i]));
  } else {
    const auto x = TRY(load_ints_broadcast(call.inputs[0], out.shape));
    const auto y = TRY(load_ints_broadcast(call.inputs[1], out.shape));
    for (size_t i = 0; i < x.size(); ++i) z.push_back(Compare()(x[i], y[i]));
  }
  store_ints(out, z);
  return {};
}

Result<Outputs> not_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::boolean));
  Contents contents;
  if (const auto* known = context.contents(0)) {
    contents.emplace();
    for (const Dim& dim : *known) contents->push_back(Dim(1) - dim);
  }
  return one(context.type(0), std::move(contents));
}

Status not_reference(const OpCall& call) {
  auto x = load_ints(call.inputs[0]);
  for (int64_t& value : x) value = value == 0;
  TRY(expect_shape(call.inputs[0], "x", call.outputs[0].shape));
  store_ints(call.outputs[0], x);
  return {};
}

}  // namespace

extern const OpDef Equal_def = {"Equal",
                                "",
                                19,
                                2,
                                2,
                                1,
                                1,
                                infer_pair<equal_dims, Elements::any>,
                                run_pair<std::equal_to<>>,
                                RowWise::broadcast};
extern const OpDef Less_def = {"Less",
                               "",
                               13,
                               2,
                               2,
                               1,
                               1,
                               infer_pair<lt_dims, Elements::number>,
                               run_pair<std::less<>>,
                               RowWise::broadcast};
extern const OpDef LessOrEqual_def = {"LessOrEqual",
                                      "",
                                      16,
                                      2,
                                      2,
                                      1,
                                      1,
                                      infer_pair<le_dims, Elements::number>,
                                      run_pair<std::less_equal<>>,
                                      RowWise::broadcast};
extern const OpDef Greater_def = {"Greater",
                                  "",
                                  13,
                                  2,
                                  2,
                                  1,
                                  1,
                                  infer_pair<gt_dims, Elements::number>,
                                  run_pair<std::greater<>>,
                                  RowWise::broadcast};
extern const OpDef GreaterOrEqual_def = {"GreaterOrEqual",
                                         "",
                                         16,
                                         2,
                                         2,
                                         1,
                                         1,
                                         infer_pair<ge_dims, Elements::number>,
                                         run_pair<std::greater_equal<>>,
                                         RowWise::broadcast};
extern const OpDef And_def = {"And",
                              "",
                              7,
                              2,
                              2,
                              1,
                              1,
                              infer_pair<and_dims, Elements::boolean>,
                              run_pair<std::logical_and<>>,
                              RowWise::broadcast};
extern const OpDef Or_def = {"Or",
                             "",
                             7,
                             2,
                             2,
                             1,
                             1,
                             infer_pair<or_dims, Elements::boolean>,
                             run_pair<std::logical_or<>>,
                             RowWise::broadcast};
extern const OpDef Not_def = {
    "Not", "", 1, 1, 1, 1, 1, not_infer, not_reference, RowWise::broadcast};

}  // namespace weft::ops
