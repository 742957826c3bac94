// ScatterND beyond ONNX's own cases.
#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

TEST(ScatterND, ReplacesThePiecesThatIndicesName) {
  const Tensor x = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(values_of(Op::ScatterND, {x, ints({2, 1}, {-1, 0}), floats({2, 2}, {7, 8, 9, 0})}),
            (Values{9, 0, 3, 4, 7, 8}));
  EXPECT_EQ(values_of(Op::ScatterND, {x, ints({1, 2}, {1, 1}), floats({1}, {9})}),
            (Values{1, 2, 3, 9, 5, 6}));
}

TEST(ScatterND, IntegersAreExactAndWrap) {
  const auto y = run_all(Op::ScatterND, {ints({1}, {INT64_MAX}), ints({1, 1}, {0}), ints({1}, {1})},
                         {{"reduction", std::string("add")}});
  ASSERT_TRUE(y.ok()) << y.error().message;
  EXPECT_EQ(ops::load_int((*y)[0].view(), 0), INT64_MIN);
}

TEST(ScatterND, WhatDoesNotFitIsSaid) {
  const Tensor x = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(error_of(Op::ScatterND, {x, ints({1, 1}, {3}), floats({1, 2}, {0, 0})}),
            "ScatterND: index 3 is outside an axis of 3");
  EXPECT_EQ(error_of(Op::ScatterND, {x, ints({1, 1}, {0}), floats({1, 3}, {0, 0, 0})}),
            "ScatterND: updates are [1, 3], indices [1, 1] ask for [1, 2]");
  EXPECT_EQ(error_of(Op::ScatterND, {x, ints({1, 3}, {0, 0, 0}), floats({1}, {0})}),
            "ScatterND: indices are [1, 3]; their last dim must be from 1 to the 2 dims of x");
}

}  // namespace
}  // namespace weft::test
