// Transpose: axis i of y is axis perm[i] of x.
//
//   x     [d_0, ..., d_r-1]   any type
//   perm  attribute, a permutation of 0 .. r-1; absent: reversed
//   y     [d_perm0, ...]
//
// ONNX operators, opset 25: Transpose-25.
#include <algorithm>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<std::vector<int64_t>> permutation(const Attrs& attrs, size_t rank) {
  auto order = attrs.integers("perm");
  if (order.empty()) {
    for (size_t i = rank; i-- > 0;) order.push_back(int64_t(i));
  }
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  bool complete = sorted.size() == rank;
  for (size_t i = 0; complete && i < rank; ++i) complete = sorted[i] == int64_t(i);
  if (complete) return order;
  return Error{"attribute perm is " + str(order) + ", not an order of " + std::to_string(rank) +
               " axes"};
}

Status transpose_reference(const OpCall& call) {
  Tensor scratch;
  const Array x = dense(call.inputs[0], scratch);
  const Array view = permuted(x, TRY(permutation(call.attrs, x.shape.size())));
  TRY(expect_shape(call.outputs[0], "y", view.shape));
  copy_elements(view, call.outputs[0]);
  return {};
}

Result<Outputs> transpose_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  Type y{x.dtype, {}};
  for (int64_t axis : TRY(permutation(context.attrs, x.shape.size()))) {
    y.shape.push_back(x.shape[size_t(axis)]);
  }
  auto contents = moved_contents(context, transpose_reference, 1, {y});
  return one(std::move(y), std::move(contents));
}

}  // namespace

extern const OpDef Transpose_def = {"Transpose",        "", 25, 1, 1, 1, 1, transpose_infer,
                                    transpose_reference};

}  // namespace weft::ops
