// NonZero where the places are known, and where they are not.
#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

TEST(NonZero, PlacesFollowFromContents) {
  EXPECT_EQ(shape_of(Op::NonZero, {known({0, 5, 1})}), "[1, 2]");
  EXPECT_EQ(contents_of(Op::NonZero, {known({0, 5, 1})}), "[1, 2]");
  Bounds bounds;
  bounds.set("s", {1, 100});
  EXPECT_EQ(contents_of(Op::NonZero, {known({0, symbol("s")})}, {}, bounds), "[1]");
}

TEST(NonZero, WhatIsNotKnownIsRefused) {
  Bounds bounds;
  bounds.set("p", {0, 100});
  EXPECT_NE(shape_of(Op::NonZero, {known({symbol("p")})}, {}, bounds).find("at run time only"),
            std::string::npos);
  EXPECT_NE(shape_of(Op::NonZero, {real({symbol("s")})}).find("f32[s]"), std::string::npos);
}

}  // namespace
}  // namespace weft::test
