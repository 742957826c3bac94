// Range: start, start + delta, ... up to but not including limit.
//
//   start, limit, delta  []   integer or float, one type; delta is not 0
//   y                    [max(0, ceil((limit - start) / delta))]
//
// ONNX operators, opset 25: Range-11.
#include <algorithm>
#include <cmath>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

using sym::Truth;

Result<Dim> scalar(const InferContext& context, size_t input, std::string_view name) {
  if (const auto* known = context.contents(input); known && known->size() == 1)
    return known->front();
  return Error{
      std::string(name) +
      " is computed from data at run time; a shape may depend only on the sizes of inputs"};
}

Result<Outputs> range_infer(const InferContext& context) {
  TRY(expect(context, 0, "start", Elements::number));
  TRY(expect_same(context, 0, 1));
  TRY(expect_same(context, 0, 2));
  for (size_t i = 0; i < 3; ++i) {
    const Shape& shape = context.type(i).shape;
    if (!shape.empty() && shape != Shape{1}) {
      return Error{"input " + std::to_string(i) + " is " + sym::str(shape) +
                   ", a scalar is needed"};
    }
  }
  const Dim start = TRY(scalar(context, 0, "start")), limit = TRY(scalar(context, 1, "limit")),
            delta = TRY(scalar(context, 2, "delta"));
  const auto& bounds = context.bounds;
  Dim span, stride;
  if (bounds.ge(delta, 1) == Truth::yes) {
    span = limit - start, stride = delta;
  } else if (bounds.ge(-1, delta) == Truth::yes) {
    span = start - limit, stride = Dim(0) - delta;
  } else {
    return Error{"delta is " + delta.str() + ", which can be 0"};
  }
  const Dim length = larger(bounds, stride == Dim(1) ? span : sym::ceildiv(span, stride), 0);
  Contents contents;
  if (length.is_constant() && length.constant() <= kMaxContents) {
    contents.emplace();
    for (int64_t i = 0; i < length.constant(); ++i) contents->push_back(start + delta * Dim(i));
  }
  return one({context.type(0).dtype, {length}}, std::move(contents));
}

// Steps from start to limit, of integers.
uint64_t steps(int64_t start, int64_t limit, int64_t delta) {
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  const uint64_t span =
      delta > 0 ? uint64_t(limit) - uint64_t(start) : uint64_t(start) - uint64_t(limit);
  const uint64_t stride = delta > 0 ? uint64_t(delta) : -uint64_t(delta);
  return (span - 1) / stride + 1;
}

Status range_reference(const OpCall& call) {
  const Array& y = call.outputs[0];
  if (y.rank() != 1) return Error{"y is " + str(y.shape) + ", it has one dim"};
  for (const Array& input : call.inputs) {
    if (input.count() != 1)
      return Error{"an input is " + str(input.shape) + ", a scalar is needed"};
  }
  const int64_t wanted = y.shape[0];
  const auto mismatch = [&] {
    return Error{"y has " + std::to_string(wanted) +
                 " elements, which is not what start, limit and delta give"};
  };
  if (ir::is_float(y.dtype)) {
    const double start = load(call.inputs[0], 0), limit = load(call.inputs[1], 0),
                 delta = load(call.inputs[2], 0);
    if (std::max(0.0, std::ceil((limit - start) / delta)) != double(wanted)) return mismatch();
    for (int64_t i = 0; i < wanted; ++i) store(y, i, start + double(i) * delta);
  } else {
    const int64_t start = load_int(call.inputs[0], 0), limit = load_int(call.inputs[1], 0),
                  delta = load_int(call.inputs[2], 0);
    if (delta == 0) return Error{"delta is 0"};
    if (steps(start, limit, delta) != uint64_t(wanted)) return mismatch();
    for (int64_t i = 0; i < wanted; ++i)
      store_int(y, i, int64_t(uint64_t(start) + uint64_t(i) * uint64_t(delta)));
  }
  return {};
}

}  // namespace

extern const OpDef Range_def = {"Range", "", 11, 3, 3, 1, 1, range_infer, range_reference};

}  // namespace weft::ops
