// Pad in every mode, at the edges.
#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

Values padded(const char* mode, int64_t before, int64_t after) {
  return values_of(Op::Pad, {floats({3}, {1, 2, 3}), ints({2}, {before, after})},
                   {{"mode", std::string(mode)}});
}

TEST(Pad, EveryModeRepeatsInItsWay) {
  EXPECT_EQ(padded("constant", 2, 1), (Values{0, 0, 1, 2, 3, 0}));
  EXPECT_EQ(padded("edge", 2, 1), (Values{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(padded("reflect", 2, 2), (Values{3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(padded("wrap", 2, 2), (Values{2, 3, 1, 2, 3, 1, 2}));
}

TEST(Pad, ANegativePadTakesAway) {
  EXPECT_EQ(padded("constant", -1, 0), (Values{2, 3}));
  EXPECT_EQ(padded("constant", -2, 2), (Values{3, 0, 0}));
}

TEST(Pad, AxesAndAValueMayBeNamed) {
  EXPECT_EQ(values_of(Op::Pad, {floats({1, 2}, {1, 2}), ints({2}, {0, 1}), floats({}, {9}),
                                ints({1}, {-1})}),
            (Values{1, 2, 9}));
}

TEST(Pad, SizesMayBeSymbols) {
  EXPECT_EQ(shape_of(Op::Pad, {real({symbol("s")}), known({symbol("p"), 1})}), "[p + s + 1]");
}

TEST(Pad, WhatDoesNotFitIsSaid) {
  EXPECT_EQ(shape_of(Op::Pad, {real({3}), known({-2, -2})}), "Pad: axis 0 would have -1 elements");
  EXPECT_EQ(shape_of(Op::Pad, {real({3}), known({1, 1})}, {{"mode", std::string("mirror")}}),
            "Pad: attribute mode is 'mirror'; constant, edge, reflect or wrap are known");
  EXPECT_EQ(
      error_of(Op::Pad, {floats({0}, {}), ints({2}, {1, 0})}, {{"mode", std::string("edge")}}),
      "Pad: mode edge has nothing to repeat in x [0]");
}

}  // namespace
}  // namespace weft::test
