// What RMSNormalization and LayerNormalization share: the last axes, from `axis` on, are one group
// that is scaled by a weight which broadcasts to it.
#pragma once

#include "core/ops/op_def.h"

namespace weft::ops {

// Attribute axis, in [0, rank).
Result<int64_t> normalization_axis(const Attrs& attrs, int64_t rank);
// Fails unless the shape of input `input` (absent: fine) broadcasts to the group of x.
Status check_parameter(const InferContext& context, size_t input, const std::string& name,
                       int64_t axis);
// The elements of a parameter repeated over the group of `x`, row-major. Its leading dims beyond
// the group's are 1.
Result<std::vector<double>> load_parameter(const Array& parameter, const Array& x, int64_t axis);

}  // namespace weft::ops
