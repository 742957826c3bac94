#include "core/ops/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::ops {

namespace {

std::string str(const std::vector<int64_t>& numbers) {
  std::string text;
  for (const int64_t number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return "[" + text + "]";
}

// What numbers that were computed in halves are off by: four steps between 1 and the next one.
double rounding_of(ir::DType dtype) {
  if (dtype == ir::DType::f16) return 4 * 0x1p-10;
  if (dtype == ir::DType::bf16) return 4 * 0x1p-7;
  return 0;
}

double distance(double got, double expected) {
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  const double apart = std::abs(got - expected);
  return std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
}

double distance(int64_t got, int64_t expected) {
  // The same number as a double does not make two integers equal.
  return got == expected ? 0 : std::max(1.0, std::abs(double(got) - double(expected)));
}

std::vector<int64_t> index_at(const std::vector<int64_t>& shape, int64_t position) {
  std::vector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    index[d] = position % shape[d];
    position /= shape[d];
  }
  return index;
}

}  // namespace

double Difference::relative() const {
  if (absolute == 0) return 0;
  return largest > 0 ? absolute / largest : std::numeric_limits<double>::infinity();
}

Difference difference(const Array& got, const Array& expected, const Tolerance& tolerance,
                      int64_t axis, int64_t limit) {
  Difference out;
  if (got.dtype != expected.dtype) {
    out.unlike = "is " + std::string(ir::name(got.dtype)) + ", " +
                 std::string(ir::name(expected.dtype)) + " is expected";
    return out;
  }
  Array a = got, b = expected;
  const bool cut = limit >= 0 && axis >= 0 && axis < a.rank() && axis < b.rank();
  if (cut && std::min(a.shape[size_t(axis)], b.shape[size_t(axis)]) >= limit) {
    a = narrowed(a, axis, 0, limit);
    b = narrowed(b, axis, 0, limit);
  }
  if (a.shape != b.shape) {
    out.unlike = "has shape " + str(a.shape) + ", " + str(b.shape) + " is expected";
    return out;
  }
  const bool real = ir::is_float(a.dtype);
  int64_t worst = 0;
  for (int64_t i = 0, count = a.count(); i < count; ++i) {
    const double y = real ? load(b, i) : double(load_int(b, i));
    if (std::isfinite(y)) out.largest = std::max(out.largest, std::abs(y));
    const double apart = real ? distance(load(a, i), y) : distance(load_int(a, i), load_int(b, i));
    if (apart <= out.absolute) continue;
    out.absolute = apart;
    worst = i;
  }
  if (out.absolute > 0) out.where = str(index_at(a.shape, worst));
  const double relative = std::max(tolerance.relative, rounding_of(a.dtype));
  out.allowed = real ? tolerance.absolute + relative * out.largest : 0;
  return out;
}

}  // namespace weft::ops
