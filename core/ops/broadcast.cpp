// Broadcasting of symbolic shapes and of concrete views; see broadcast.h.
#include "core/ops/broadcast.h"

#include <algorithm>

#include "core/ops/rules.h"

namespace weft::ops {

using sym::Truth;

namespace {

Result<Dim> broadcast_dim(const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  const Dim unit(1);
  if (a == b || b == unit) return a;
  if (a == unit) return b;
  // A dim that is provably not 1 is the result, if the other can be equal to it or 1.
  const bool a_fixed = equal(bounds, a, unit) == Truth::no;
  const bool b_fixed = equal(bounds, b, unit) == Truth::no;
  if (a_fixed && b_fixed && equal(bounds, a, b) == Truth::no) {
    return Error{"dims " + a.str() + " and " + b.str() + " do not broadcast"};
  }
  if (a.is_constant() || (a_fixed && !b.is_constant())) return a;
  if (b.is_constant() || b_fixed) return b;
  return larger(bounds, a, b);
}

}  // namespace

Result<Shape> broadcast(const sym::Bounds& bounds, const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), Dim(1));
  for (size_t i = 0; i < out.size(); ++i) {
    const Dim x = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim y = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    out[out.size() - 1 - i] =
        TRY(broadcast_dim(bounds, x, y), "shapes " + sym::str(a) + " and " + sym::str(b));
  }
  return out;
}

Result<Array> broadcast_to(const Array& array, const std::vector<int64_t>& shape) {
  Array view = array;
  view.shape = shape;
  view.strides.assign(shape.size(), 0);
  bool fits = array.shape.size() <= shape.size();
  for (size_t i = 0; fits && i < array.shape.size(); ++i) {
    const size_t from = array.shape.size() - 1 - i, to = shape.size() - 1 - i;
    if (array.shape[from] == shape[to]) {
      view.strides[to] = array.strides[from];
    } else if (array.shape[from] != 1) {
      fits = false;
    }
  }
  if (!fits) return Error{"shape " + str(array.shape) + " does not broadcast to " + str(shape)};
  return view;
}

Result<std::vector<double>> load_broadcast(const Array& array, const std::vector<int64_t>& shape) {
  Tensor scratch;
  return load_all(TRY(broadcast_to(dense(array, scratch), shape)));
}

Result<std::vector<int64_t>> load_ints_broadcast(const Array& array,
                                                 const std::vector<int64_t>& shape) {
  return load_ints(TRY(broadcast_to(array, shape)));
}

}  // namespace weft::ops
