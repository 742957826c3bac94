// CumSum: sums of the elements up to each one along an axis.
//
//   x     [...]   float or integer
//   axis  []      i32 or i64, a known constant
//   y     as x
//
// exclusive 1: the element itself is not counted. reverse 1: from the end. ONNX operators, opset
// 25: CumSum-14.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> cumsum_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::number));
  const auto axis = TRY(constant_ints(context, 1, "axis"));
  if (axis.size() != 1)
    return Error{"axis has " + std::to_string(axis.size()) + " elements, not 1"};
  TRY(normalize_axis(axis[0], int64_t(context.type(0).shape.size())));
  return one(context.type(0));
}

// Integers wrap in the sum as in Add, so they are added as integers.
template <typename Number, typename Load, typename Store>
void sum_line(const Array& from, const Array& to, bool exclusive, bool reverse, Load load_at,
              Store store_at) {
  Number sum = 0;
  const int64_t n = from.count();
  for (int64_t k = 0; k < n; ++k) {
    const int64_t i = reverse ? n - 1 - k : k;
    const Number x = load_at(from, i);
    store_at(to, i, Number(exclusive ? sum : sum + x));
    sum += x;
  }
}

Status cumsum_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &y = call.outputs[0];
  TRY(expect_shape(y, "y", x.shape));
  if (call.inputs[1].count() != 1) return Error{"axis is not one element"};
  const int64_t axis = TRY(normalize_axis(load_int(call.inputs[1], 0), x.rank()));
  const bool exclusive = call.attrs.integer("exclusive", 0) != 0;
  const bool reverse = call.attrs.integer("reverse", 0) != 0;
  if (x.count() == 0) return {};
  // One line along the axis for each place of the others.
  Array heads = narrowed(x, axis, 0, 1);
  const int64_t lines = heads.count();
  for (int64_t line = 0; line < lines; ++line) {
    Array from = x, to = y;
    int64_t left = line;
    for (size_t d = x.shape.size(); d-- > 0;) {
      if (int64_t(d) == axis) continue;
      from = narrowed(from, int64_t(d), left % x.shape[d], 1);
      to = narrowed(to, int64_t(d), left % x.shape[d], 1);
      left /= x.shape[d];
    }
    if (ir::is_float(x.dtype)) {
      sum_line<double>(from, to, exclusive, reverse, load, store);
    } else {
      sum_line<uint64_t>(
          from, to, exclusive, reverse,
          [](const Array& a, int64_t i) { return uint64_t(load_int(a, i)); },
          [](const Array& a, int64_t i, uint64_t v) { store_int(a, i, int64_t(v)); });
    }
  }
  return {};
}

}  // namespace

extern const OpDef CumSum_def = {"CumSum", "", 14, 2, 2, 1, 1, cumsum_infer, cumsum_reference};

}  // namespace weft::ops
