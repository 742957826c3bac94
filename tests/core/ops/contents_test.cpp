// Shape arithmetic as exporters write it, followed through expressions.
#include "core/ops/contents.h"

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

const Dim kSeq = Dim::symbol("seq"), kPast = Dim::symbol("past");

Bounds lengths() {
  Bounds bounds;
  bounds.set("seq", {1, 512});
  bounds.set("past", {0, 2048});
  return bounds;
}

TEST(Contents, ShapeAndSizeAreWhereSymbolsEnter) {
  EXPECT_EQ(contents_of(Op::Shape, {real({1, kSeq, 64})}), "[1, seq, 64]");
  EXPECT_EQ(contents_of(Op::Shape, {real({1, kSeq, 64})}, {{"start", int64_t(-2)}}), "[seq, 64]");
  EXPECT_EQ(contents_of(Op::Size, {real({2, kSeq, 3})}), "[6*seq]");
}

TEST(Contents, ElementsAreMovedByGatherSliceConcatAndTheirLike) {
  const Given shape = known({1, kSeq, 64});
  EXPECT_EQ(contents_of(Op::Gather, {shape, known_scalar(-2)}), "[seq]");
  EXPECT_EQ(shape_of(Op::Gather, {shape, known_scalar(-2)}), "[]");
  EXPECT_EQ(contents_of(Op::Slice, {shape, known({1}), known({INT64_MAX}), known({0})}),
            "[seq, 64]");
  EXPECT_EQ(
      contents_of(Op::Slice, {shape, known({-1}), known({INT64_MIN}), known({0}), known({-1})}),
      "[64, seq, 1]");
  EXPECT_EQ(contents_of(Op::Concat, {shape, known({kPast})}, {{"axis", int64_t(0)}}),
            "[1, seq, 64, past]");
  EXPECT_EQ(contents_of(Op::Unsqueeze, {known_scalar(kSeq), known({0})}), "[seq]");
  EXPECT_EQ(contents_of(Op::Expand, {known({kSeq}), known({3})}), "[seq, seq, seq]");
  EXPECT_EQ(contents_of(Op::Cast, {known({kSeq})}, {{"to", int64_t(DType::i32)}}), "[seq]");
}

TEST(Contents, ArithmeticIsDoneOnExpressions) {
  EXPECT_EQ(contents_of(Op::Add, {known({kSeq}), known({kPast})}), str(Shape{kPast + kSeq}));
  EXPECT_EQ(contents_of(Op::Mul, {known({kSeq, 2}), known_scalar(3)}), "[3*seq, 6]");
  EXPECT_EQ(contents_of(Op::Div, {known({kSeq * Dim(6)}), known({3})}), "[2*seq]");
  EXPECT_EQ(contents_of(Op::Div, {known({-7}), known({2})}), "[-3]");  // truncates, does not floor
  EXPECT_EQ(contents_of(Op::Div, {known({kSeq}), known({2})}, {}, lengths()),
            sym::str({floordiv(kSeq, 2)}));
  EXPECT_EQ(contents_of(Op::Div, {known({kSeq}), known({0})}), "unknown");
  EXPECT_EQ(contents_of(Op::Mod, {known({-7}), known({3})}), "[2]");
  EXPECT_EQ(contents_of(Op::Max, {known({kSeq}), known({1})}, {}, lengths()), "[seq]");
  EXPECT_EQ(contents_of(Op::ReduceProd, {known({2, kSeq, 3})}, {{"keepdims", int64_t(0)}}),
            "[6*seq]");
  EXPECT_EQ(contents_of(Op::ReduceSum, {known({2, kSeq})}), "[seq + 2]");
  EXPECT_EQ(contents_of(Op::Range, {known_scalar(0), known_scalar(6), known_scalar(2)}),
            "[0, 2, 4]");
}

TEST(Contents, AnOverflowingNarrowTypeIsNotFollowed) {
  Given big = known({100}), more = known({100});
  big.type.dtype = more.type.dtype = DType::i8;
  EXPECT_EQ(contents_of(Op::Add, {big, more}), "unknown");
}

TEST(Contents, ComparisonsAreDecidedByTheBounds) {
  EXPECT_EQ(contents_of(Op::Equal, {known({kSeq}), known({-1})}, {}, lengths()), "[0]");
  EXPECT_EQ(contents_of(Op::Equal, {known({kSeq}), known({3})}, {}, lengths()), "unknown");
  EXPECT_EQ(contents_of(Op::Less, {known({kPast}), known({kPast + kSeq})}, {}, lengths()), "[1]");
  EXPECT_EQ(contents_of(Op::GreaterOrEqual, {known({kSeq}), known({0})}, {}, lengths()), "[1]");
  EXPECT_EQ(contents_of(Op::Greater, {known({0}), known({kSeq})}, {}, lengths()), "[0]");
}

// Where(Equal(shape, -1 * ones), ones, shape), as written before Expand.
TEST(Contents, TheExportersExpandTargetIsKnown) {
  const std::vector<Dim> shape{1, 3, kPast + kSeq, 64};
  const auto ones = infer_all(Op::ConstantOfShape, {known({4})},
                              {{"dtype", int64_t(DType::i64)}, {"value", int64_t(1)}});
  ASSERT_TRUE(ones.ok());
  const Given all_ones{(*ones)[0].type, (*ones)[0].contents};
  const auto minus = infer_all(Op::Mul, {all_ones, known_scalar(-1)});
  ASSERT_TRUE(minus.ok());
  const auto equal =
      infer_all(Op::Equal, {known(shape), {(*minus)[0].type, (*minus)[0].contents}}, {}, lengths());
  ASSERT_TRUE(equal.ok());
  EXPECT_EQ(
      contents_of(Op::Where, {{(*equal)[0].type, (*equal)[0].contents}, all_ones, known(shape)}),
      sym::str(shape));
}

TEST(Contents, OfLargeTensorsAreNotFollowed) {
  EXPECT_EQ(contents_of(Op::Range, {known_scalar(0), known_scalar(65), known_scalar(1)}),
            "unknown");
  EXPECT_EQ(contents_of(Op::Range, {known_scalar(0), known_scalar(kSeq), known_scalar(1)}),
            "unknown");
}

}  // namespace
}  // namespace weft::test
