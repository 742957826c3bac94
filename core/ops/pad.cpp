// Pad: x with elements added (or, where a pad is negative, taken away) at the ends of its axes.
//
//   x      [d_0, ..., d_r-1]   any type
//   pads   [2 k]               i64, known: how many before each axis, then how many after
//   value  []                  like x, for mode constant; absent: 0
//   axes   [k]                 i64, constant; absent: all axes
//   y      [..., before + d + after, ...]
//
//   mode      x = a b c, pads 2 and 2
//   constant  v v a b c v v
//   edge      a a a b c c c
//   reflect   c b a b c b a
//   wrap      b c a b c a b
//
// ONNX operators, opset 25: Pad-25.
#include <algorithm>

#include "core/ops/rules.h"

namespace weft::ops {
namespace {

constexpr size_t kPads = 1, kValue = 2, kAxes = 3;
constexpr int64_t kFill = -1;
constexpr int64_t kMost = int64_t{1} << 40;  // no axis is as long; sums of pads cannot overflow

Result<std::vector<int64_t>> axes_of(std::vector<int64_t> stated, bool given, int64_t rank) {
  if (!given) {
    for (int64_t i = 0; i < rank; ++i) stated.push_back(i);
  }
  for (int64_t& axis : stated) axis = TRY(normalize_axis(axis, rank));
  TRY(normalize_axes(stated, rank));  // none twice
  return stated;
}

Status check_mode(const std::string& mode) {
  constexpr const char* kKnown[] = {"constant", "edge", "reflect", "wrap"};
  if (std::find(std::begin(kKnown), std::end(kKnown), mode) != std::end(kKnown)) return {};
  return Error{"attribute mode is '" + mode + "'; constant, edge, reflect or wrap are known"};
}

Result<Outputs> pad_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  TRY(expect_same(context, 0, kValue));
  TRY(check_mode(context.attrs.text("mode", "constant")));
  const auto pads = TRY(known_ints(context, kPads, "pads"));
  Type y = context.type(0);
  std::vector<int64_t> stated;
  if (context.has(kAxes)) stated = TRY(constant_ints(context, kAxes, "axes"));
  const auto axes = TRY(axes_of(stated, context.has(kAxes), int64_t(y.shape.size())));
  if (pads.size() != 2 * axes.size()) {
    return Error{"pads has " + std::to_string(pads.size()) + " elements, " +
                 std::to_string(axes.size()) + " axes need " + std::to_string(2 * axes.size())};
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = y.shape[size_t(axes[i])];
    dim = dim + pads[i] + pads[axes.size() + i];
    if (context.bounds.ge(-1, dim) == sym::Truth::yes)
      return Error{"axis " + std::to_string(axes[i]) + " would have " + dim.str() + " elements"};
  }
  return one(std::move(y));
}

// The element of an axis of n that stands at position i outside or inside of it.
int64_t source(const std::string& mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "wrap") return (i % n + n) % n;
  if (mode != "reflect") return kFill;
  if (n == 1) return 0;
  const int64_t period = 2 * (n - 1), at = (i % period + period) % period;
  return at < n ? at : period - at;
}

Status pad_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &y = call.outputs[0];
  const std::string mode = call.attrs.text("mode", "constant");
  TRY(check_mode(mode));
  std::vector<int64_t> stated;
  if (call.has(kAxes)) stated = load_ints(call.inputs[kAxes]);
  const auto axes = TRY(axes_of(stated, call.has(kAxes), x.rank()));
  const auto pads = load_ints(call.inputs[kPads]);
  if (pads.size() != 2 * axes.size() || y.rank() != x.rank())
    return Error{"pads do not fit the axes"};
  for (int64_t pad : pads) {
    if (pad > kMost || pad < -kMost) return Error{"a pad of " + std::to_string(pad) + " is absurd"};
  }
  std::vector<int64_t> before(x.shape.size(), 0), expected = x.shape;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = size_t(axes[i]);
    before[axis] = pads[i];
    expected[axis] += pads[i] + pads[axes.size() + i];
  }
  TRY(expect_shape(y, "y", expected));
  if (mode != "constant" && y.count() > 0 && x.count() == 0)
    return Error{"mode " + mode + " has nothing to repeat in x " + str(x.shape)};
  const bool real = ir::is_float(x.dtype);
  const bool valued = call.has(kValue) && call.inputs[kValue].count() > 0;
  const auto strides = row_major(x.shape);
  for (int64_t at = 0; at < y.count(); ++at) {
    int64_t from = 0, left = at;
    for (size_t d = y.shape.size(); d-- > 0 && from != kFill;) {
      const int64_t i = source(mode, left % y.shape[d] - before[d], x.shape[d]);
      left /= y.shape[d];
      from = i == kFill ? kFill : from + i * strides[d];
    }
    const Array& origin = from == kFill ? (valued ? call.inputs[kValue] : Array{}) : x;
    const int64_t place = from == kFill ? 0 : from;
    if (real) {
      store(y, at, origin.present() ? load(origin, place) : 0);
    } else {
      store_int(y, at, origin.present() ? load_int(origin, place) : 0);
    }
  }
  return {};
}

}  // namespace

extern const OpDef Pad_def = {"Pad", "", 25, 2, 4, 1, 1, pad_infer, pad_reference};

}  // namespace weft::ops
