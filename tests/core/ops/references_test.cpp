// Numbers worked out by hand, and inputs at the edges.
#include <cmath>
#include <limits>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(References, IntegerArithmeticWrapsAndTruncates) {
  const auto run = [](Op op, int64_t a, int64_t b, Attrs attrs = {}) {
    const auto y = run_all(op, {ints({1}, {a}), ints({1}, {b})}, std::move(attrs));
    return y.ok() ? ops::load_int((*y)[0].view(), 0) : -999;
  };
  EXPECT_EQ(run(Op::Add, INT64_MAX, 1), INT64_MIN);
  EXPECT_EQ(run(Op::Div, -7, 2), -3);
  EXPECT_EQ(run(Op::Div, INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(run(Op::Mod, -7, 3), 2);
  EXPECT_EQ(run(Op::Mod, -7, 3, {{"fmod", int64_t(1)}}), -1);
  EXPECT_EQ(run(Op::Pow, 3, 39), 4052555153018976267);
  EXPECT_EQ(run(Op::Add, (int64_t(1) << 53) + 1, 0), (int64_t(1) << 53) + 1);
  EXPECT_EQ(error_of(Op::Div, {ints({1}, {1}), ints({1}, {0})}),
            "Div: an integer is divided by zero");
}

TEST(References, BroadcastOverAZeroDimIsEmpty) {
  const auto y = run_all(Op::Add, {floats({0, 2}, {}), floats({2}, {1, 2})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*y)[0].shape, (std::vector<int64_t>{0, 2}));
}

TEST(References, NormalizationsByHand) {
  const Tensor x = floats({1, 2}, {3, 4}), weight = floats({2}, {1, 2}),
               bias = floats({2}, {10, 20});
  const Attrs exact{{"epsilon", 0.0}};
  const auto rms = values_of(Op::RMSNormalization, {x, weight}, exact);
  EXPECT_NEAR(rms[0], 3 / std::sqrt(12.5), 1e-6);
  EXPECT_NEAR(rms[1], 8 / std::sqrt(12.5), 1e-6);
  EXPECT_EQ(values_of(Op::LayerNormalization, {x, weight, bias}, exact), (Values{9, 22}));
}

TEST(References, RmsNormalizationOfLargeHalvesDoesNotOverflow) {
  const Tensor x = tensor(DType::f16, {2}, {60000, 60000}),
               weight = tensor(DType::f16, {2}, {1, 1});
  EXPECT_EQ(values_of(Op::RMSNormalization, {x, weight}), (Values{1, 1}));
}

TEST(References, SoftmaxAndItsRelativesDoNotOverflow) {
  EXPECT_EQ(values_of(Op::Softmax, {floats({2}, {10000, 10000})}), (Values{0.5, 0.5}));
  EXPECT_EQ(values_of(Op::Softmax, {floats({2}, {0, -kInfinity})}), (Values{1, 0}));
  EXPECT_EQ(values_of(Op::Sigmoid, {floats({2}, {-10000, 10000})}), (Values{0, 1}));
  EXPECT_EQ(values_of(Op::Swish, {floats({2}, {-10000, 10000})}), (Values{0, 10000}));
  const auto swish = values_of(Op::Swish, {floats({1}, {2})}, {{"alpha", 0.5}});
  EXPECT_NEAR(swish[0], 2 / (1 + std::exp(-1)), 1e-6);
}

TEST(References, CastsTruncateSaturateAndTestForZero) {
  const auto cast = [](const Tensor& x, DType to) {
    return values_of(Op::Cast, {x}, {{"to", int64_t(to)}});
  };
  EXPECT_EQ(cast(floats({4}, {1.9, -1.9, 1e20, std::nan("")}), DType::i32),
            (Values{1, -1, INT32_MAX, 0}));
  EXPECT_EQ(cast(floats({3}, {0, 0.5, -2}), DType::boolean), (Values{0, 1, 1}));
  EXPECT_EQ(cast(ints({2}, {256, 255}), DType::u8), (Values{0, 255}));
  EXPECT_EQ(cast(floats({1}, {70000}), DType::f16), (Values{kInfinity}));
}

TEST(References, ClipTakesEitherBound) {
  const Tensor x = floats({3}, {-2, 0, 2}), low = floats({}, {-1}), high = floats({}, {1});
  EXPECT_EQ(values_of(Op::Clip, {x, low, high}), (Values{-1, 0, 1}));
  EXPECT_EQ(values_of(Op::Clip, {x, Tensor{}, high}), (Values{-2, 0, 1}));
  EXPECT_EQ(values_of(Op::Clip, {x, low}), (Values{-1, 0, 2}));
}

TEST(References, ReductionsOverNothing) {
  const Tensor none = floats({2, 0}, {});
  EXPECT_EQ(values_of(Op::ReduceSum, {none, ints({1}, {1})}), (Values{0, 0}));
  EXPECT_EQ(values_of(Op::ReduceProd, {none, ints({1}, {1})}), (Values{1, 1}));
  EXPECT_EQ(values_of(Op::ReduceMax, {none, ints({1}, {1})}), (Values{-kInfinity, -kInfinity}));
  EXPECT_EQ(values_of(Op::ReduceSum, {floats({2}, {1, 2}), ints({0}, {})},
                      {{"noop_with_empty_axes", int64_t(1)}}),
            (Values{1, 2}));
}

TEST(References, SliceTakesStridesBackward) {
  const Tensor x = floats({5}, {0, 1, 2, 3, 4});
  const auto slice = [&](int64_t start, int64_t end, int64_t step) {
    return values_of(Op::Slice,
                     {x, ints({1}, {start}), ints({1}, {end}), ints({1}, {0}), ints({1}, {step})});
  };
  EXPECT_EQ(slice(-1, INT64_MIN, -2), (Values{4, 2, 0}));
  EXPECT_EQ(slice(INT64_MAX, 1, -1), (Values{4, 3, 2}));
  EXPECT_EQ(slice(0, INT64_MAX, INT64_MAX), (Values{0}));
  EXPECT_EQ(slice(4, INT64_MIN, INT64_MIN), (Values{4}));
  EXPECT_EQ(slice(3, 1, 1), Values{});
}

TEST(References, ShapeOpsAtTheEdges) {
  EXPECT_EQ(values_of(Op::Concat, {floats({0}, {}), floats({2}, {1, 2})}, {{"axis", int64_t(0)}}),
            (Values{1, 2}));
  EXPECT_EQ(values_of(Op::Tile, {floats({1, 2}, {1, 2}), ints({2}, {2, 2})}),
            (Values{1, 2, 1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(values_of(Op::Tile, {floats({1}, {1}), ints({1}, {0})}), Values{});
  EXPECT_EQ(values_of(Op::Range, {ints({}, {5}), ints({}, {-1}), ints({}, {-2})}),
            (Values{5, 3, 1}));
  EXPECT_EQ(values_of(Op::Transpose, {floats({1, 2, 2}, {1, 2, 3, 4})}), (Values{1, 3, 2, 4}));
  EXPECT_EQ(values_of(Op::Where, {tensor(DType::boolean, {2, 1}, {1, 0}), floats({2}, {1, 2}),
                                  floats({}, {9})}),
            (Values{1, 2, 9, 9}));
}

TEST(References, ACallThatContradictsItsShapesIsAnError) {
  const Tensor x = floats({4}, {1, 2, 3, 4}), start = ints({1}, {-2}), end = ints({1}, {4});
  const Tensor wrong = Tensor::zeros(DType::f32, {3});
  const Array in[] = {x.view(), start.view(), end.view()}, out[] = {wrong.view()};
  const auto status = ops::run_reference(ops::def(Op::Slice), {in, out, Attrs{}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "Slice: y is [3], expected [2]");
}

}  // namespace
}  // namespace weft::test
