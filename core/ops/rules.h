// What shape rules share: axes, dims that may or may not be equal, element types, integer inputs.
//
// Symbolic dims that are not equal in normal form may still be equal for every binding that occurs
// ("total" and "past + seq"), so rules refuse only what is provably wrong; the references check the
// concrete sizes again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ops/op_def.h"

namespace weft::ops {

using Outputs = std::vector<Inferred>;

// The rule of ops whose one output is like input 0.
Outputs one(Type type, std::optional<std::vector<Dim>> contents = {});

// `axis` in [-rank, rank) as [0, rank).
Result<int64_t> normalize_axis(int64_t axis, int64_t rank);
// Each of `axes` normalized, ascending. Fails on a repeated axis.
Result<std::vector<int64_t>> normalize_axes(std::span<const int64_t> axes, int64_t rank);

// Whether two dims are equal under every binding, under none, or it cannot be said.
sym::Truth equal(const sym::Bounds& bounds, const Dim& a, const Dim& b);
// max and min, decided by the bounds where they can.
Dim larger(const sym::Bounds& bounds, const Dim& a, const Dim& b);
Dim smaller(const sym::Bounds& bounds, const Dim& a, const Dim& b);

// a / b, as a floor division where a is not constant and b does not divide it as a polynomial;
// nothing when a is a constant that b does not divide. b is not 0.
std::optional<Dim> divided(const Dim& a, int64_t b);

// What the elements of an input must be.
enum class Elements : uint8_t { real, integer, number, boolean, any };
bool matches(DType dtype, Elements wanted);
// Fails with "<name> is i64, a float type is needed". Absent inputs pass.
Status expect(const InferContext& context, size_t input, std::string_view name, Elements wanted);
// Fails unless inputs a and b have one dtype. Absent inputs pass.
Status expect_same(const InferContext& context, size_t a, size_t b);

// The elements of integer input `input`, which must be known constants: axes and the like.
Result<std::vector<int64_t>> constant_ints(const InferContext& context, size_t input,
                                           std::string_view name);
// The elements of integer input `input` as expressions, or an error that says shapes may not depend
// on computed data.
Result<std::vector<Dim>> known_ints(const InferContext& context, size_t input,
                                    std::string_view name);

// "[1, 3]"
std::string str(std::span<const int64_t> shape);

// Concrete shape checks of the references. The error says "<name> is [..], expected [..]".
Status expect_shape(const Array& array, std::string_view name, std::span<const int64_t> shape);

}  // namespace weft::ops
