// Shape rules on symbolic dims: chosen cases, then random bindings against concrete inference.
#include <random>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

const Dim kSeq = Dim::symbol("seq"), kPast = Dim::symbol("past"), kRows = Dim::symbol("rows");

Bounds lengths() {
  Bounds bounds;
  bounds.set("seq", {1, 512});
  bounds.set("past", {0, 2048});
  bounds.set("rows", {1, 64});
  return bounds;
}

TEST(ShapeRules, SliceUnderstandsLengthsAndLimits) {
  const auto slice = [](Dim n, Dim start, Dim end) {
    return shape_of(Op::Slice, {real({n}), known({start}), known({end})}, {}, lengths());
  };
  EXPECT_EQ(slice(kSeq, kSeq - kRows, kSeq), "[rows]");
  EXPECT_EQ(slice(kSeq, 0, INT64_MAX), "[seq]");
  EXPECT_EQ(slice(kSeq, -1, INT64_MAX), "[1]");
  EXPECT_EQ(slice(kPast + kSeq, kPast, kPast + kSeq), "[seq]");
  EXPECT_EQ(slice(kSeq + 4, 0, -4), "[seq]");
  EXPECT_EQ(slice(kSeq, 0, 512), "[seq]");
  EXPECT_EQ(slice(kSeq, 0, 100), sym::str({min(kSeq, 100)}));
  EXPECT_EQ(slice(64, 32, INT64_MAX), "[32]");
  EXPECT_EQ(slice(8, 20, 30), "[0]");
}

TEST(ShapeRules, ReshapeDividesPolynomials) {
  const auto reshape = [](Shape from, std::vector<Dim> to, int64_t allowzero = 0) {
    return shape_of(Op::Reshape, {real(from), known(to)}, {{"allowzero", allowzero}}, lengths());
  };
  EXPECT_EQ(reshape({1, kSeq, 576}, {1, -1, 9, 64}), "[1, seq, 9, 64]");
  EXPECT_EQ(reshape({1, kSeq, 9, 64}, {0, 0, -1}), "[1, seq, 576]");
  EXPECT_EQ(reshape({1, kPast + kSeq, 64}, {1, kPast + kSeq, -1, 32}),
            sym::str(Shape{1, kPast + kSeq, 2, 32}));
  EXPECT_EQ(reshape({kSeq}, {-1, 2}), sym::str(Shape{floordiv(kSeq, 2), 2}));
  EXPECT_EQ(reshape({0, 4}, {4, 0}, 1), "[4, 0]");
  EXPECT_EQ(reshape({2, 3}, {4, -1}), "Reshape: x is [2, 3]: 6 elements do not divide by 4");
  EXPECT_EQ(reshape({2, 3}, {7}), "Reshape: x is [2, 3], which does not have the elements of [7]");
  EXPECT_EQ(reshape({2, 3}, {-1, -1}), "Reshape: shape has more than one -1");
}

TEST(ShapeRules, BroadcastingKeepsTheDimThatIsNotOne) {
  const auto add = [](Shape a, Shape b) {
    return shape_of(Op::Add, {real(a), real(b)}, {}, lengths());
  };
  EXPECT_EQ(add({kSeq, 1}, {64}), "[seq, 64]");
  EXPECT_EQ(add({1, 1, kSeq, kPast + kSeq}, {1, 9, kSeq, kPast + kSeq}),
            sym::str(Shape{1, 9, kSeq, kPast + kSeq}));
  EXPECT_EQ(add({kSeq}, {3}), "[3]");
  EXPECT_EQ(add({2}, {3}), "Add: shapes [2] and [3]: dims 2 and 3 do not broadcast");
}

TEST(ShapeRules, SplitTakesLengthsOrACount) {
  const auto halves =
      infer_all(Op::Split, {real({1, kSeq * Dim(2)})}, {{"axis", int64_t(1)}}, {}, 2);
  ASSERT_TRUE(halves.ok());
  EXPECT_EQ(sym::str((*halves)[1].type.shape), "[1, seq]");
  const auto parts =
      infer_all(Op::Split, {real({1, 10}), known({3, 7})}, {{"axis", int64_t(-1)}}, {}, 2);
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(sym::str((*parts)[1].type.shape), "[1, 7]");
  const auto uneven = infer_all(Op::Split, {real({7})}, {{"num_outputs", int64_t(3)}}, {}, 3);
  ASSERT_TRUE(uneven.ok());
  EXPECT_EQ(sym::str((*uneven)[2].type.shape), "[1]");
  EXPECT_FALSE(infer_all(Op::Split, {real({5})}, {}, {}, 4).ok());
}

TEST(ShapeRules, ErrorsNameWhatWasFound) {
  EXPECT_EQ(shape_of(Op::RMSNormalization, {real({1, 2048}), real({1024})}),
            "RMSNormalization: weight is [1024], x ends in 2048");
  EXPECT_EQ(shape_of(Op::MatMul, {real({2, 3}), real({4, 5})}),
            "MatMul: a is [2, 3] and b [4, 5]: a ends in 3, b has 4 rows");
  EXPECT_EQ(shape_of(Op::Add, {real({2}), whole({2})}),
            "Add: input 0 is f32 and input 1 is i64; they must have one element type");
  EXPECT_EQ(shape_of(Op::Sqrt, {whole({2})}), "Sqrt: x is i64, a float type is needed");
  EXPECT_EQ(
      shape_of(Op::Reshape, {real({4}), whole({2})}),
      "Reshape: shape is computed from data at run time; a shape may depend only on the sizes "
      "of inputs");
  EXPECT_EQ(shape_of(Op::Transpose, {real({2, 3})}, {{"perm", std::vector<int64_t>{0, 0}}}),
            "Transpose: attribute perm is [0, 0], not an order of 2 axes");
  EXPECT_EQ(shape_of(Op::Softmax, {real({2, 3})}, {{"axis", int64_t(5)}}),
            "Softmax: axis 5 does not exist in a tensor of rank 2");
  EXPECT_EQ(shape_of(Op::Add, {real({2})}), "Add: 1 inputs given, it takes 2");
  EXPECT_EQ(shape_of(Op::Add, {real({2}), absent()}), "Add: input 1 is missing");
  EXPECT_EQ(shape_of(Op::Squeeze, {real({2, 3}), known({0})}),
            "Squeeze: x is [2, 3], its axis 0 is not 1 and cannot be dropped");
}

struct Problem {
  const char* name;
  Op op;
  std::vector<Given> inputs;
  Attrs attrs;
  size_t outputs = 1;
};

// Shapes of a transformer in symbols; every binding within the bounds must agree with the
// constants.
std::vector<Problem> problems() {
  const Dim total = kPast + kSeq;
  const auto heads = [](int64_t q, int64_t kv) {
    return Attrs{{"q_num_heads", q}, {"kv_num_heads", kv}};
  };
  return {
      {"matmul", Op::MatMul, {real({1, kSeq, 576}), real({576, 192})}, {}},
      {"batched matmul", Op::MatMul, {real({1, 9, kSeq, 64}), real({1, 1, 64, total})}, {}},
      {"gemm", Op::Gemm, {real({kSeq, 8}), real({16, 8}), real({16})}, {{"transB", int64_t(1)}}},
      {"rows", Op::Slice, {real({1, kSeq, 8}), known({kSeq - 1}), known({kSeq}), known({1})}, {}},
      {"tail", Op::Slice, {real({1, total}), known({kPast}), known({total}), known({1})}, {}},
      {"window", Op::Slice, {real({1, total}), known({-7}), known({INT64_MAX}), known({1})}, {}},
      {"head of", Op::Slice, {real({total}), known({3}), known({9}), known({0}), known({2})}, {}},
      {"backward",
       Op::Slice,
       {real({total}), known({-2}), known({INT64_MIN}), known({0}), known({-3})},
       {}},
      {"heads", Op::Reshape, {real({1, kSeq, 576}), known({1, kSeq, -1, 64})}, {}},
      {"flat", Op::Reshape, {real({2, kSeq, total}), known({-1})}, {}},
      {"flatten", Op::Flatten, {real({2, kSeq, 3})}, {{"axis", int64_t(2)}}},
      {"grown",
       Op::Concat,
       {real({1, 3, kPast, 64}), real({1, 3, kSeq, 64})},
       {{"axis", int64_t(-2)}}},
      {"range", Op::Range, {known_scalar(kPast), known_scalar(total), known_scalar(1)}, {}},
      {"strided range", Op::Range, {known_scalar(1), known_scalar(total), known_scalar(3)}, {}},
      {"backward range", Op::Range, {known_scalar(total), known_scalar(0), known_scalar(-2)}, {}},
      {"expand", Op::Expand, {real({1, 3, 1, kSeq, 4}), known({1, 3, 2, kSeq, 4})}, {}},
      {"tile", Op::Tile, {real({kSeq, 2}), known({2, kPast})}, {}},
      {"gather", Op::Gather, {real({100, 8}), whole({1, kSeq})}, {}},
      {"mean", Op::ReduceMean, {real({1, kSeq, 8}), known({-1})}, {}},
      {"sum", Op::ReduceSum, {real({1, kSeq, total}), known({1})}, {{"keepdims", int64_t(0)}}},
      {"split", Op::Split, {real({kSeq * Dim(3), 4})}, {}, 3},
      {"uneven split", Op::Split, {real({kSeq * Dim(2) + 1, 4})}, {}, 2},
      {"attention",
       Op::Attention,
       {real({1, kSeq, 12}), real({1, kSeq, 4}), real({1, kSeq, 6}), absent(),
        real({1, 2, kPast, 2}), real({1, 2, kPast, 3})},
       heads(6, 2),
       4},
      {"rope",
       Op::RotaryEmbedding,
       {real({1, kSeq, 12}), real({32, 2}), real({32, 2}), whole({1, kSeq})},
       {{"num_heads", int64_t(3)}}},
      {"scatter", Op::TensorScatter, {real({1, 2, 600, 4}), real({1, 2, kSeq, 4})}, {}},
      {"where", Op::Where, {{{DType::boolean, {1, 1, kSeq, total}}, {}}, real({}), real({1})}, {}},
  };
}

Given bound(const Given& given, const sym::Bindings& bindings) {
  Given out = given;
  for (Dim& dim : out.type.shape) dim = Dim(*dim.eval(bindings));
  if (out.contents) {
    for (Dim& dim : *out.contents) dim = Dim(*dim.eval(bindings));
  }
  return out;
}

TEST(ShapeRules, SymbolicInferenceAgreesWithConcreteInferenceForRandomBindings) {
  std::mt19937 random(7);
  for (const Problem& problem : problems()) {
    const auto symbolic =
        infer_all(problem.op, problem.inputs, problem.attrs, lengths(), problem.outputs);
    ASSERT_TRUE(symbolic.ok()) << problem.name << ": " << symbolic.error().message;
    for (int round = 0; round < 200; ++round) {
      // Small values, where clamping and rounding happen, and the ends of the bounds.
      const sym::Bindings bindings{{"seq", round == 0 ? 512 : 1 + int64_t(random() % 20)},
                                   {"past", round % 3 ? int64_t(random() % 20) : 0}};
      std::vector<Given> inputs;
      for (const Given& input : problem.inputs) inputs.push_back(bound(input, bindings));
      const auto concrete = infer_all(problem.op, inputs, problem.attrs, {}, problem.outputs);
      ASSERT_TRUE(concrete.ok()) << problem.name << ": " << concrete.error().message;
      for (size_t i = 0; i < problem.outputs; ++i) {
        Shape evaluated;
        for (const Dim& dim : (*symbolic)[i].type.shape) evaluated.push_back(*dim.eval(bindings));
        EXPECT_EQ(sym::str(evaluated), sym::str((*concrete)[i].type.shape))
            << problem.name << ", from " << sym::str((*symbolic)[i].type.shape);
        EXPECT_EQ((*symbolic)[i].type.dtype, (*concrete)[i].type.dtype) << problem.name;
      }
    }
  }
}

}  // namespace
}  // namespace weft::test
