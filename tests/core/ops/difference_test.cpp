#include "core/ops/difference.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weft::ops {
namespace {

Tensor reals(std::vector<int64_t> shape, const std::vector<double>& values,
             ir::DType dtype = ir::DType::f32) {
  Tensor tensor = Tensor::zeros(dtype, std::move(shape));
  store_all(tensor.view(), values);
  return tensor;
}

Difference compare(const Tensor& got, const Tensor& expected, int64_t axis = 0,
                   int64_t limit = -1) {
  return difference(got.view(), expected.view(), {}, axis, limit);
}

TEST(Difference, is_the_largest_and_where_it_is) {
  const auto d = compare(reals({2, 2}, {1, 2, 3, 8.5}), reals({2, 2}, {1, 2.25, 3, 8}));
  EXPECT_EQ(d.absolute, 0.5);
  EXPECT_EQ(d.where, "[1, 1]");
  EXPECT_EQ(d.largest, 8);
  EXPECT_EQ(d.relative(), 0.0625);
  EXPECT_FALSE(d.passes());
}

TEST(Difference, is_measured_by_the_largest_value_expected) {
  EXPECT_TRUE(compare(reals({2}, {0.005, 100}), reals({2}, {0, 100})).passes());
  EXPECT_FALSE(compare(reals({2}, {0.005, 1}), reals({2}, {0, 1})).passes());
}

TEST(Difference, of_one_nan_or_infinity_is_infinite) {
  const double nan = NAN, inf = INFINITY;
  EXPECT_TRUE(compare(reals({2}, {nan, inf}), reals({2}, {nan, inf})).passes());
  for (const double wrong : {nan, inf, -inf}) {
    EXPECT_TRUE(std::isinf(compare(reals({1}, {wrong}), reals({1}, {1})).absolute));
    EXPECT_TRUE(std::isinf(compare(reals({1}, {1}), reals({1}, {wrong})).absolute));
  }
  EXPECT_FALSE(compare(reals({1}, {inf}), reals({1}, {-inf})).passes());
}

TEST(Difference, of_shapes_and_types_has_words) {
  EXPECT_NE(compare(reals({2, 1}, {1, 1}), reals({2}, {1, 1})).unlike.find("[2, 1]"),
            std::string::npos);
  EXPECT_FALSE(compare(reals({1}, {1}), reals({1}, {1}, ir::DType::f64)).passes());
}

TEST(Difference, beyond_the_limit_does_not_count) {
  const Tensor got = reals({2, 3}, {1, 2, 9, 4, 5, 9}), expected = reals({2, 2}, {1, 2, 4, 5});
  EXPECT_TRUE(compare(got, expected, 1, 2).passes());
  EXPECT_FALSE(compare(got, expected, 1, -1).passes());
  EXPECT_FALSE(compare(got, expected, 1, 3).passes()) << "fewer than the limit are there";
}

TEST(Difference, of_integers_must_be_none) {
  const auto one = [](int64_t value) {
    Tensor tensor = Tensor::zeros(ir::DType::i64, {1});
    store_int(tensor.view(), 0, value);
    return tensor;
  };
  const int64_t large = int64_t{1} << 62;
  EXPECT_TRUE(compare(one(large), one(large)).passes());
  EXPECT_FALSE(compare(one(large + 1), one(large)).passes());
}

TEST(Difference, of_short_floats_may_be_four_steps) {
  const auto f16 = ir::DType::f16, bf16 = ir::DType::bf16;
  EXPECT_TRUE(compare(reals({1}, {1 + 0x1p-8}, f16), reals({1}, {1}, f16)).passes());
  EXPECT_FALSE(compare(reals({1}, {1 + 0x1.8p-8}, f16), reals({1}, {1}, f16)).passes());
  EXPECT_TRUE(compare(reals({1}, {1 + 0x1p-5}, bf16), reals({1}, {1}, bf16)).passes());
}

}  // namespace
}  // namespace weft::ops
