// Squeeze drops dims of 1; Unsqueeze inserts them.
//
//   x     [...]   any type
//   axes  [k]     i64, constant; Squeeze without axes drops every dim that is 1
//   y     x's elements; Unsqueeze's axes count in y
//
// ONNX operators, opset 25: Squeeze-25, Unsqueeze-25.
#include <algorithm>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Contents same_contents(const InferContext& context) {
  const auto* known = context.contents(0);
  return known ? Contents(*known) : Contents();
}

Status same_elements(const OpCall& call) {
  if (call.inputs[0].count() != call.outputs[0].count()) {
    return Error{"x is " + str(call.inputs[0].shape) + " and y " + str(call.outputs[0].shape) +
                 ", which do not have the same number of elements"};
  }
  copy_elements(call.inputs[0], call.outputs[0]);
  return {};
}

Result<Outputs> squeeze_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  std::vector<int64_t> axes;
  if (context.has(1)) {
    const auto stated = TRY(constant_ints(context, 1, "axes"));
    axes = TRY(normalize_axes(stated, int64_t(x.shape.size())));
  } else {
    for (size_t i = 0; i < x.shape.size(); ++i) {
      if (x.shape[i] == Dim(1)) axes.push_back(int64_t(i));
    }
  }
  Shape shape;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), int64_t(i))) {
      shape.push_back(x.shape[i]);
    } else if (equal(context.bounds, x.shape[i], 1) == sym::Truth::no) {
      return Error{"x is " + sym::str(x.shape) + ", its axis " + std::to_string(i) +
                   " is not 1 and cannot be dropped"};
    }
  }
  return one({x.dtype, std::move(shape)}, same_contents(context));
}

Result<Outputs> unsqueeze_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  const auto stated = TRY(constant_ints(context, 1, "axes"));
  const size_t rank = x.shape.size() + stated.size();
  const auto axes = TRY(normalize_axes(stated, int64_t(rank)));
  Shape shape;
  auto next = x.shape.begin();
  for (size_t i = 0; i < rank; ++i) {
    const bool inserted = std::binary_search(axes.begin(), axes.end(), int64_t(i));
    shape.push_back(inserted ? Dim(1) : *next++);
  }
  return one({x.dtype, std::move(shape)}, same_contents(context));
}

}  // namespace

extern const OpDef Squeeze_def = {"Squeeze", "", 25, 1, 2, 1, 1, squeeze_infer, same_elements};
extern const OpDef Unsqueeze_def = {"Unsqueeze",     "",           25, 2, 2, 1, 1,
                                    unsqueeze_infer, same_elements};

}  // namespace weft::ops
