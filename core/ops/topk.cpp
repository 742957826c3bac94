// TopK: the k largest (largest 1) or smallest elements along an axis, best first, and where they
// are.
//
//   x        [..., n, ...]   float or integer
//   k        [1]             i64, known
//   values   [..., k, ...]   like x
//   indices  [..., k, ...]   i64
//
// Equal elements are taken by lower index. With sorted 0 any order would do; this is the same one.
// ONNX operators, opset 25: TopK-24.
#include <algorithm>
#include <numeric>

#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> topk_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::number));
  const auto k = TRY(known_ints(context, 1, "k"));
  if (k.size() != 1) return Error{"k has " + std::to_string(k.size()) + " elements, not 1"};
  if (context.bounds.ge(-1, k[0]) == sym::Truth::yes) return Error{"k is " + k[0].str()};
  Type values = context.type(0);
  const int64_t axis =
      TRY(normalize_axis(context.attrs.integer("axis", -1), int64_t(values.shape.size())));
  if (context.bounds.ge(values.shape[size_t(axis)], k[0]) == sym::Truth::no) {
    return Error{"k is " + k[0].str() + ", the axis has " + values.shape[size_t(axis)].str() +
                 " elements"};
  }
  values.shape[size_t(axis)] = k[0];
  const Type indices{DType::i64, values.shape};
  return Outputs{values, indices};
}

// The line along `axis` that goes through position `line` of the other axes.
Array line_of(Array array, int64_t axis, int64_t line) {
  const std::vector<int64_t> shape = array.shape;
  for (size_t d = shape.size(); d-- > 0;) {
    if (int64_t(d) == axis) continue;
    array = narrowed(array, int64_t(d), line % shape[d], 1);
    line /= shape[d];
  }
  return array;
}

Status topk_reference(const OpCall& call) {
  const Array& x = call.inputs[0];
  const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", -1), x.rank()));
  if (call.inputs[1].count() != 1) return Error{"k is not one element"};
  const int64_t n = x.shape[size_t(axis)], k = load_int(call.inputs[1], 0);
  if (k < 0 || k > n) {
    return Error{"k is " + std::to_string(k) + ", the axis has " + std::to_string(n) + " elements"};
  }
  std::vector<int64_t> shape = x.shape;
  shape[size_t(axis)] = k;
  for (size_t i = 0; i < 2; ++i) {
    if (call.wants(i)) TRY(expect_shape(call.outputs[i], i == 0 ? "values" : "indices", shape));
  }
  if (k == 0 || x.count() == 0) return {};
  const bool largest = call.attrs.integer("largest", 1) != 0;
  const int64_t lines = x.count() / n;
  std::vector<int64_t> order(static_cast<size_t>(n));
  for (int64_t line = 0; line < lines; ++line) {
    const Array from = line_of(x, axis, line);
    const std::vector<double> elements = load_all(from);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const double p = elements[size_t(a)], q = elements[size_t(b)];
      return largest ? p > q : p < q;
    });
    for (int64_t i = 0; i < k; ++i) {
      if (call.wants(0))
        copy_elements(narrowed(from, axis, order[size_t(i)], 1),
                      narrowed(line_of(call.outputs[0], axis, line), axis, i, 1));
      if (call.wants(1)) store_int(line_of(call.outputs[1], axis, line), i, order[size_t(i)]);
    }
  }
  return {};
}

}  // namespace

extern const OpDef TopK_def = {"TopK", "", 24, 2, 2, 1, 2, topk_infer, topk_reference};

}  // namespace weft::ops
