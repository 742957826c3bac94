// What the normalizations share; see normalization.h.
#include "core/ops/normalization.h"

#include "core/ops/broadcast.h"
#include "core/ops/rules.h"

namespace weft::ops {

Result<int64_t> normalization_axis(const Attrs& attrs, int64_t rank) {
  if (rank == 0) return Error{"x is a scalar; a last axis is needed"};
  return normalize_axis(attrs.integer("axis", -1), rank);
}

Status check_parameter(const InferContext& context, size_t input, const std::string& name,
                       int64_t axis) {
  if (!context.has(input)) return {};
  TRY(expect(context, input, name, Elements::real));
  const Shape &x = context.type(0).shape, &parameter = context.type(input).shape;
  const Shape group(x.begin() + axis, x.end());
  const auto mismatch = [&] {
    const bool single = group.size() == 1 && parameter.size() == 1;
    return Error{name + " is " + sym::str(parameter) + ", x ends in " +
                 (single ? group[0].str() : sym::str(group))};
  };
  if (parameter.size() > x.size()) return mismatch();
  for (size_t i = 0; i < parameter.size(); ++i) {
    const Dim& dim = parameter[parameter.size() - 1 - i];
    if (dim == Dim(1)) continue;
    // A weight that varies along an axis outside the group would be no weight.
    if (i >= group.size()) return mismatch();
    if (equal(context.bounds, dim, x[x.size() - 1 - i]) == sym::Truth::no) return mismatch();
  }
  return {};
}

Result<std::vector<double>> load_parameter(const Array& parameter, const Array& x, int64_t axis) {
  const std::vector<int64_t> group(x.shape.begin() + axis, x.shape.end());
  Tensor scratch;
  Array view = dense(parameter, scratch);
  while (view.rank() > int64_t(group.size()) && view.shape.front() == 1) {
    view.shape.erase(view.shape.begin());
    view.strides.erase(view.strides.begin());
  }
  return load_all(TRY(broadcast_to(view, group)));
}

}  // namespace weft::ops
