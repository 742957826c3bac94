// ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd: one value per group of elements.
//
//   x     [...]   float or integer; bool too for Max and Min
//   axes  [k]     i64, constant; absent or empty: all axes (noop_with_empty_axes = 1: y = x)
//   y     x with those axes 1 (keepdims = 1, the default) or gone
//
// Sums are taken in double, of integers in wrapping int64. An empty group gives 0, 1 for the
// product, NaN for the mean and the type's least or greatest value for Max and Min. ONNX operators,
// opset 25: ReduceSum-13, ReduceMean-18, ReduceMax-20, ReduceMin-20, ReduceProd-18.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

enum class Kind { sum, mean, max, min, prod };

// The axes to reduce, ascending; nothing when y = x.
Result<std::optional<std::vector<int64_t>>> axes_of(const Attrs& attrs, std::vector<int64_t> stated,
                                                    int64_t rank) {
  if (stated.empty()) {
    if (attrs.integer("noop_with_empty_axes", 0) != 0) return {std::nullopt};
    for (int64_t i = 0; i < rank; ++i) stated.push_back(i);
  }
  return std::optional(TRY(normalize_axes(stated, rank)));
}

// x's view with the reduced axes last.
Array grouped(const Array& x, const std::vector<int64_t>& axes) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) order.push_back(i);
  }
  order.insert(order.end(), axes.begin(), axes.end());
  return permuted(x, order);
}

double reduce(Kind kind, std::span<const double> group) {
  double result = kind == Kind::prod ? 1 : 0;
  if (kind == Kind::max) result = -std::numeric_limits<double>::infinity();
  if (kind == Kind::min) result = std::numeric_limits<double>::infinity();
  for (double value : group) {
    switch (kind) {
      case Kind::sum:
      case Kind::mean:
        result += value;
        break;
      case Kind::prod:
        result *= value;
        break;
      case Kind::max:
        result = std::isnan(result) || result > value ? result : value;
        break;
      case Kind::min:
        result = std::isnan(result) || result < value ? result : value;
        break;
    }
  }
  return kind == Kind::mean ? result / double(group.size()) : result;
}

int64_t reduce(Kind kind, std::span<const int64_t> group) {
  uint64_t result = kind == Kind::prod ? 1 : 0;
  for (int64_t value : group) {
    if (kind == Kind::prod) {
      result *= uint64_t(value);
    } else {
      result += uint64_t(value);
    }
  }
  if (kind == Kind::mean) return group.empty() ? 0 : int64_t(result) / int64_t(group.size());
  if (kind != Kind::max && kind != Kind::min) return int64_t(result);
  const bool largest = kind == Kind::max;
  int64_t best = largest ? INT64_MIN : INT64_MAX;
  for (int64_t value : group) best = largest ? std::max(best, value) : std::min(best, value);
  return best;
}

template <typename T>
std::vector<T> reduce_groups(Kind kind, const std::vector<T>& values, size_t groups) {
  const size_t size = groups ? values.size() / groups : 0;
  std::vector<T> out;
  for (size_t i = 0; i < groups; ++i) {
    out.push_back(reduce(kind, std::span<const T>(values).subspan(i * size, size)));
  }
  return out;
}

// Max and Min of nothing: the type's least and greatest value.
void store_extreme(Kind kind, const Array& y) {
  const double infinity = std::numeric_limits<double>::infinity();
  double value = kind == Kind::max ? -infinity : infinity;
  if (y.dtype == DType::boolean) value = kind == Kind::max ? 0 : 1;
  store_all(y, std::vector<double>(size_t(y.count()), value));
}

Status run(Kind kind, const OpCall& call) {
  Tensor scratch;
  const Array x = dense(call.inputs[0], scratch);
  const Array& y = call.outputs[0];
  std::vector<int64_t> stated;
  if (call.has(1)) stated = load_ints(call.inputs[1]);
  const auto axes = TRY(axes_of(call.attrs, stated, x.rank()));
  if (!axes) {
    TRY(expect_shape(y, "y", x.shape));
    copy_elements(x, y);
    return {};
  }
  const Array view = grouped(x, *axes);
  int64_t groups = 1;
  for (int64_t i = 0; i < x.rank() - int64_t(axes->size()); ++i) groups *= view.shape[size_t(i)];
  if (groups != y.count()) {
    return Error{"y is " + str(y.shape) + ", it must have " + std::to_string(groups) + " elements"};
  }
  if (x.count() == 0 && (kind == Kind::max || kind == Kind::min)) {
    store_extreme(kind, y);
  } else if (ir::is_float(x.dtype)) {
    store_all(y, reduce_groups(kind, load_all(view), size_t(groups)));
  } else {
    store_ints(y, reduce_groups(kind, load_ints(view), size_t(groups)));
  }
  return {};
}

Dim combine(Kind kind, const sym::Bounds& bounds, const Dim& a, const Dim& b) {
  switch (kind) {
    case Kind::prod:
      return a * b;
    case Kind::max:
      return larger(bounds, a, b);
    case Kind::min:
      return smaller(bounds, a, b);
    default:
      return a + b;
  }
}

// Contents of y, by the number of the group of each element of x.
Contents reduced_contents(Kind kind, const InferContext& context,
                          const std::vector<int64_t>& axes) {
  const auto* known = context.contents(0);
  const auto shape = constant_shape(context.type(0).shape);
  if (!known || known->empty() || !shape || kind == Kind::mean) return {};
  const Tensor numbers = Tensor::zeros(DType::i64, *shape);
  for (size_t i = 0; i < known->size(); ++i) store_int(numbers.view(), int64_t(i), int64_t(i));
  const Array view = grouped(numbers.view(), axes);
  size_t group = 1;
  for (int64_t axis : axes) group *= size_t((*shape)[size_t(axis)]);
  std::vector<Dim> values;
  const auto order = load_ints(view);
  for (size_t i = 0; i < order.size(); ++i) {
    const Dim& dim = (*known)[size_t(order[i])];
    if (i % group == 0) {
      values.push_back(dim);
    } else {
      values.back() = combine(kind, context.bounds, values.back(), dim);
      // Step by step: a sum that saturates may come back within the limits.
      if (!fitting(context.type(0).dtype, std::vector{values.back()})) return {};
    }
  }
  return values;
}

template <Kind kind>
Result<Outputs> infer(const InferContext& context) {
  constexpr bool ordered = kind == Kind::max || kind == Kind::min;
  TRY(expect(context, 0, "x", ordered ? Elements::any : Elements::number));
  const Type& x = context.type(0);
  std::vector<int64_t> stated;
  if (context.has(1)) stated = TRY(constant_ints(context, 1, "axes"));
  const auto axes = TRY(axes_of(context.attrs, stated, int64_t(x.shape.size())));
  if (!axes) {
    const auto* known = context.contents(0);
    return one(x, known ? Contents(*known) : Contents());
  }
  const bool keep = context.attrs.integer("keepdims", 1) != 0;
  Type y{x.dtype, {}};
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (!std::binary_search(axes->begin(), axes->end(), int64_t(i))) {
      y.shape.push_back(x.shape[i]);
    } else if (keep) {
      y.shape.push_back(1);
    }
  }
  return one(std::move(y), reduced_contents(kind, context, *axes));
}

template <Kind kind>
Status reference(const OpCall& call) {
  return run(kind, call);
}

}  // namespace

extern const OpDef ReduceSum_def = {"ReduceSum",         "", 13, 1, 2, 1, 1, infer<Kind::sum>,
                                    reference<Kind::sum>};
extern const OpDef ReduceMean_def = {"ReduceMean",         "", 18, 1, 2, 1, 1, infer<Kind::mean>,
                                     reference<Kind::mean>};
extern const OpDef ReduceMax_def = {"ReduceMax",         "", 20, 1, 2, 1, 1, infer<Kind::max>,
                                    reference<Kind::max>};
extern const OpDef ReduceMin_def = {"ReduceMin",         "", 20, 1, 2, 1, 1, infer<Kind::min>,
                                    reference<Kind::min>};
extern const OpDef ReduceProd_def = {"ReduceProd",         "", 18, 1, 2, 1, 1, infer<Kind::prod>,
                                     reference<Kind::prod>};

}  // namespace weft::ops
