// Clip: y = min(max(x, lo), hi), each bound optional.
//
//   x       [...]   float or integer
//   lo, hi  []      of x's type; absent: unbounded
//   y       like x
//
// When lo > hi every element is hi. NaN stays NaN.
// ONNX operators, opset 25: Clip-13.
#include <algorithm>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> clip_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::number));
  for (size_t i : {1, 2}) {
    TRY(expect_same(context, 0, i));
    if (context.has(i) && !context.type(i).shape.empty() && context.type(i).shape != Shape{1}) {
      return Error{std::string(i == 1 ? "the minimum" : "the maximum") + " is " +
                   sym::str(context.type(i).shape) + ", a scalar is needed"};
    }
  }
  Contents contents;
  if (const auto* known = context.contents(0); known && ir::is_integer(context.type(0).dtype)) {
    contents = *known;
    for (Dim& dim : *contents) {
      for (size_t i : {1, 2}) {
        if (!context.has(i)) continue;
        const auto* bound = context.contents(i);
        if (!bound || bound->empty()) return one(context.type(0));
        dim = i == 1 ? larger(context.bounds, dim, bound->front())
                     : smaller(context.bounds, dim, bound->front());
      }
    }
  }
  return one(context.type(0), std::move(contents));
}

Status clip_reference(const OpCall& call) {
  TRY(expect_shape(call.inputs[0], "x", call.outputs[0].shape));
  if (ir::is_float(call.inputs[0].dtype)) {
    auto x = load_all(call.inputs[0]);
    for (double& value : x) {
      // Written so that a NaN fails both comparisons.
      if (call.has(1) && value < load(call.inputs[1], 0)) value = load(call.inputs[1], 0);
      if (call.has(2) && value > load(call.inputs[2], 0)) value = load(call.inputs[2], 0);
    }
    store_all(call.outputs[0], x);
  } else {
    auto x = load_ints(call.inputs[0]);
    for (int64_t& value : x) {
      if (call.has(1)) value = std::max(value, load_int(call.inputs[1], 0));
      if (call.has(2)) value = std::min(value, load_int(call.inputs[2], 0));
    }
    store_ints(call.outputs[0], x);
  }
  return {};
}

}  // namespace

extern const OpDef Clip_def = {
    "Clip", "", 13, 1, 3, 1, 1, clip_infer, clip_reference, RowWise::broadcast};

}  // namespace weft::ops
