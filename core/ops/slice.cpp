// Slice: y = x[start : end : step] on some axes.
//
//   x             [...]   any type
//   starts, ends  [k]     i32 or i64; negative counts from the end; clamped to the axis
//   axes          [k]     absent: 0 .. k-1
//   steps         [k]     not zero, may be negative; absent: 1
//   y             [...]   axis a has max(0, ceil((end - start) / step)) elements
//
// Symbolic bounds: a start or end whose sign the symbols' bounds do not decide counts as not
// negative, as exporters write lengths there ("end = seq", "start = seq - rows"). The reference,
// which knows the numbers, refuses a call in which that turns out wrong. ONNX operators, opset 25:
// Slice-13.
#include <algorithm>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

using sym::Truth;

// Beyond this a constant means "to the end"; exporters use the limits of int32 and int64.
constexpr int64_t kFar = INT32_MAX;

// Position `at` counted from the start and clamped to [lo, hi].
Dim clamped(const sym::Bounds& bounds, const Dim& at, const Dim& n, const Dim& lo, const Dim& hi) {
  if (at.is_constant() && at.constant() >= kFar) return hi;
  if (at.is_constant() && at.constant() <= -kFar) return lo;
  if (bounds.ge(-1, at) == Truth::yes) {
    return smaller(bounds, larger(bounds, at + n, lo), hi);
  }
  return smaller(bounds, at, hi);
}

Dim slice_length(const sym::Bounds& bounds, const Dim& n, const Dim& start, const Dim& end,
                 int64_t step) {
  Dim span;
  if (step > 0) {
    span = clamped(bounds, end, n, 0, n) - clamped(bounds, start, n, 0, n);
  } else {
    span = clamped(bounds, start, n, -1, n - 1) - clamped(bounds, end, n, -1, n - 1);
  }
  const int64_t stride = step > 0 ? step : -step;
  return larger(bounds, stride == 1 ? span : sym::ceildiv(span, stride), 0);
}

struct Range {
  int64_t first = 0, count = 0, step = 1;
};

// The same on numbers.
Range concrete(int64_t n, int64_t start, int64_t end, int64_t step) {
  const int64_t lo = step > 0 ? 0 : -1, hi = step > 0 ? n : n - 1;
  const auto clamp = [&](int64_t at) { return std::max(lo, std::min(at < 0 ? at + n : at, hi)); };
  const int64_t first = clamp(start), last = clamp(end);
  const int64_t span = step > 0 ? last - first : first - last;
  // The smallest int64 has no positive counterpart; any stride beyond the axis takes one element.
  const int64_t stride = step > 0 ? step : -std::max(step, -INT64_MAX);
  return {first, span > 0 ? (span - 1) / stride + 1 : 0, step};
}

Status check_lengths(size_t starts, size_t ends, size_t axes, size_t steps) {
  if (starts == ends && starts == axes && starts == steps) return {};
  return Error{"starts, ends, axes and steps have " + std::to_string(starts) + ", " +
               std::to_string(ends) + ", " + std::to_string(axes) + " and " +
               std::to_string(steps) + " elements; they must have the same number"};
}

std::vector<int64_t> first_axes(size_t count) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i < count; ++i) axes.push_back(int64_t(i));
  return axes;
}

Status slice_reference(const OpCall& call) {
  Tensor scratch;
  Array view = dense(call.inputs[0], scratch);
  const auto starts = load_ints(call.inputs[1]), ends = load_ints(call.inputs[2]);
  const auto axes = call.has(3) ? load_ints(call.inputs[3]) : first_axes(starts.size());
  const auto steps =
      call.has(4) ? load_ints(call.inputs[4]) : std::vector<int64_t>(starts.size(), 1);
  TRY(check_lengths(starts.size(), ends.size(), axes.size(), steps.size()));
  TRY(normalize_axes(axes, view.rank()));
  int64_t offset = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto axis = size_t(TRY(normalize_axis(axes[i], view.rank())));
    if (steps[i] == 0) return Error{"a step is 0"};
    const Range range = concrete(view.shape[axis], starts[i], ends[i], steps[i]);
    offset += range.first * view.strides[axis];
    view.shape[axis] = range.count;
    // With one element or none the stride is not used, and a huge step must not overflow it.
    view.strides[axis] = range.count > 1 ? view.strides[axis] * range.step : 0;
  }
  TRY(expect_shape(call.outputs[0], "y", view.shape));
  if (view.count() == 0) return {};
  view.data += offset * (ir::bits(view.dtype) / 8);
  copy_elements(view, call.outputs[0]);
  return {};
}

Result<Outputs> slice_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  Type y = context.type(0);
  const auto starts = TRY(known_ints(context, 1, "starts"));
  const auto ends = TRY(known_ints(context, 2, "ends"));
  std::vector<int64_t> axes = first_axes(starts.size()), steps(starts.size(), 1);
  if (context.has(3)) axes = TRY(constant_ints(context, 3, "axes"));
  if (context.has(4)) steps = TRY(constant_ints(context, 4, "steps"));
  TRY(check_lengths(starts.size(), ends.size(), axes.size(), steps.size()));
  TRY(normalize_axes(axes, int64_t(y.shape.size())));
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto axis = size_t(TRY(normalize_axis(axes[i], int64_t(y.shape.size()))));
    if (steps[i] == 0) return Error{"a step is 0"};
    Dim& n = y.shape[axis];
    if (n.is_constant() && starts[i].is_constant() && ends[i].is_constant()) {
      n = concrete(n.constant(), starts[i].constant(), ends[i].constant(), steps[i]).count;
    } else {
      n = slice_length(context.bounds, n, starts[i], ends[i], std::max(steps[i], -INT64_MAX));
    }
  }
  auto contents = moved_contents(context, slice_reference, 1, {y});
  return one(std::move(y), std::move(contents));
}

}  // namespace

extern const OpDef Slice_def = {"Slice", "", 13, 3, 5, 1, 1, slice_infer, slice_reference};

}  // namespace weft::ops
