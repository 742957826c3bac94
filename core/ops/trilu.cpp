// Trilu: the upper (upper 1, the default) or lower triangle of matrices, zero elsewhere.
//
//   x  [..., M, N]   any type
//   k  []            i64, optional: element (i, j) is kept where j >= i + k (upper), j <= i + k
//   y  as x
//
// ONNX operators, opset 25: Trilu-14.
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> trilu_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  TRY(expect(context, 1, "k", Elements::integer));
  if (context.type(0).shape.size() < 2) {
    return Error{"x is " + sym::str(context.type(0).shape) + "; matrices are needed"};
  }
  return one(context.type(0));
}

Status trilu_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &y = call.outputs[0];
  TRY(expect_shape(y, "y", x.shape));
  if (x.rank() < 2) return Error{"x is " + str(x.shape) + "; matrices are needed"};
  if (call.has(1) && call.inputs[1].count() != 1) return Error{"k is not one element"};
  const int64_t k = call.has(1) ? load_int(call.inputs[1], 0) : 0;
  const bool upper = call.attrs.integer("upper", 1) != 0;
  const int64_t m = x.shape[size_t(x.rank() - 2)], n = x.shape[size_t(x.rank() - 1)];
  copy_elements(x, y);
  for (int64_t at = 0; at < x.count(); ++at) {
    // Far diagonals must not wrap: j - i lies within (-m, n).
    const int64_t diagonal = at % n - at / n % m;
    const bool kept = upper ? diagonal >= k : diagonal <= k;
    if (!kept) store_int(y, at, 0);
  }
  return {};
}

}  // namespace

extern const OpDef Trilu_def = {"Trilu", "", 14, 1, 2, 1, 1, trilu_infer, trilu_reference};

}  // namespace weft::ops
