// Elements of small integer tensors as expressions: how shape arithmetic is followed through a
// graph.
//
// A rule gives contents only when every element is known. Tensors above kMaxContents elements are
// not followed: no shape is that long. Contents of float tensors are exact integers held in a float
// (a length cast to float and back). Transformer-Lite (Li et al., 2024): shape operators evaluated
// on expressions.
#pragma once

#include <optional>
#include <vector>

#include "core/ops/op_def.h"

namespace weft::ops {

using Contents = std::optional<std::vector<Dim>>;
constexpr int64_t kMaxContents = 64;

// The dims when all are constant.
std::optional<std::vector<int64_t>> constant_shape(const Shape& shape);
// The number of elements when it is constant and at most kMaxContents.
std::optional<int64_t> small_count(const Shape& shape);
// For each element of `to`, row-major, the element of `from` that broadcasts there. Both constant.
std::vector<size_t> broadcast_index(const std::vector<int64_t>& from,
                                    const std::vector<int64_t>& to);
// fn(x, y) over the contents of inputs a and b, broadcast to `out`. Nothing when either is unknown
// or fn gives nothing.
using BinaryContents = std::optional<Dim> (*)(const sym::Bounds&, const Dim&, const Dim&);
Contents zip_contents(const InferContext& context, size_t a, size_t b, const Shape& out,
                      BinaryContents fn);

// Nothing when a computed element may not fit `dtype`, where it wraps, or comes near the limits at
// which expressions saturate.
Contents fitting(DType dtype, Contents contents);

// Contents of output `output` of an op that only moves elements of inputs [0, data_inputs): its
// reference is run on element numbers, the other inputs as the constants they must be.
Contents moved_contents(const InferContext& context, ReferenceFn reference, size_t data_inputs,
                        const std::vector<Type>& outputs, size_t output = 0);

}  // namespace weft::ops
