// Attention and the ops around a cache, beyond ONNX's own cases.
#include <cmath>
#include <limits>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

// One head, D = 1: a query of 0 attends evenly, so y is the mean of the values attended.
Values attend(const std::vector<Tensor>& inputs, Attrs attrs = {}) {
  return values_of(Op::Attention, inputs, std::move(attrs));
}
Tensor heads(const Values& values) { return floats({1, 1, int64_t(values.size()), 1}, values); }

TEST(Attention, IsTheMeanOfValuesWhenScoresAreEqual) {
  EXPECT_EQ(attend({heads({0}), heads({1, 2}), heads({4, 8})}), (Values{6}));
  EXPECT_EQ(attend({heads({0, 0}), heads({1, 2}), heads({4, 8})}, {{"is_causal", int64_t(1)}}),
            (Values{4, 6}));
}

TEST(Attention, WindowsCountFromTheAbsolutePosition) {
  const std::vector<Tensor> inputs{heads({0}), heads({1}),       heads({8}),
                                   Tensor{},   heads({1, 1, 1}), heads({1, 2, 4})};
  EXPECT_EQ(attend(inputs, {{"left_window_size", int64_t(1)}}), (Values{6}));
  EXPECT_EQ(attend(inputs, {{"left_window_size", int64_t(0)}}), (Values{8}));
}

TEST(Attention, PaddingIsNeverRead) {
  const double nan = std::nan("");
  const std::vector<Tensor> inputs{heads({0}), heads({1, 2, nan}), heads({4, 8, nan}), Tensor{},
                                   Tensor{},   Tensor{},           ints({1}, {2})};
  EXPECT_EQ(attend(inputs), (Values{6}));
}

TEST(Attention, ARowThatAttendsNoKeyIsZero) {
  Tensor mask = Tensor::zeros(DType::boolean, {1, 2});
  EXPECT_EQ(attend({heads({0}), heads({1, 2}), heads({4, 8}), mask}), (Values{0}));
  EXPECT_EQ(attend({heads({0}), heads({}), heads({})}), (Values{0}));
}

TEST(Attention, AMaskThatIsTooShortIsPaddedWithKeysNotAttended) {
  EXPECT_EQ(attend({heads({0}), heads({1, 2, 3}), heads({4, 8, 100}), floats({1, 2}, {0, 0})}),
            (Values{6}));
}

// SinkAttention over one key, with sinks and slopes where given.
std::vector<Tensor> with_extras(const Values& keys, const Values& values, Tensor sinks,
                                Tensor slopes = {}) {
  std::vector<Tensor> inputs(9);
  inputs[0] = heads({0}), inputs[1] = heads(keys), inputs[2] = heads(values);
  inputs[7] = std::move(sinks), inputs[8] = std::move(slopes);
  return inputs;
}

TEST(SinkAttention, ASinkTakesItsShareAndGivesNothing) {
  EXPECT_EQ(values_of(Op::SinkAttention, with_extras({1}, {8}, floats({1}, {0}))), (Values{4}));
  EXPECT_EQ(values_of(Op::SinkAttention, with_extras({1}, {8}, floats({1}, {1000}))), (Values{0}));
  EXPECT_EQ(values_of(Op::SinkAttention, with_extras({1}, {8}, floats({1}, {-1000}))), (Values{8}));
  EXPECT_EQ(values_of(Op::SinkAttention, with_extras({1}, {8}, Tensor{})), (Values{8}));
}

TEST(SinkAttention, SlopesCountFromThePositionOfTheQuery) {
  auto inputs = with_extras({1}, {8}, Tensor{}, floats({1}, {std::log(3.0)}));
  inputs[4] = heads({1}), inputs[5] = heads({4});
  const auto y = values_of(Op::SinkAttention, inputs);
  // The key before the query has a third of the weight of its own.
  EXPECT_NEAR(y[0], (4.0 / 3 + 8) / (1.0 / 3 + 1), 1e-6);
}

TEST(SinkAttention, KeysAndValuesOfHalvesAreWidened) {
  auto inputs = with_extras({1}, {8}, Tensor{});
  for (size_t i : {size_t(1), size_t(2)}) {
    Tensor half = Tensor::zeros(DType::f16, {1, 1, 1, 1});
    store_all(half.view(), load_all(inputs[i].view()));
    inputs[i] = std::move(half);
  }
  EXPECT_EQ(values_of(Op::SinkAttention, inputs), (Values{8}));
  EXPECT_NE(error_of(Op::Attention, {inputs[0], inputs[1], inputs[2]}), "");
}

// Rows of `size` elements as bytes, one value per byte.
Values codes_of(const Values& x, int64_t size) {
  return values_of(Op::QuantizeRows, {floats({1, int64_t(x.size())}, x)}, {{"size", size}});
}

TEST(QuantizeRows, ARowIsItsCodesThenAHalfPerBlock) {
  // 127 and a scale of 1 (3c00), up to a multiple of four bytes twice.
  EXPECT_EQ(codes_of({-127, 2.5, 3.5}, 3), (Values{-127, 2, 4, 0, 0, 0x3c, 0, 0}));
  EXPECT_EQ(codes_of({0}, 1), (Values{0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(codes_of({127, -254}, 1),
            (Values{127, 0, 0, 0, 0, 0x3c, 0, 0, -127, 0, 0, 0, 0, 0x40, 0, 0}));
  // An infinity makes the scale a NaN; what no half reaches is kept within what it does.
  EXPECT_EQ(codes_of({INFINITY}, 1), (Values{0, 0, 0, 0, 0, 0x7e, 0, 0}));
  EXPECT_EQ(codes_of({1e9, 65504}, 2), (Values{127, 1, 0, 0, -1, 0x7b, 0, 0}));
}

TEST(QuantizeRows, ABlockHasAScaleOfItsOwn) {
  Values x(33, 127);
  x[32] = 254;
  const Values row = codes_of(x, 33);
  ASSERT_EQ(row.size(), 40u);
  EXPECT_EQ(row[32], 127);
  EXPECT_EQ((Values{row.begin() + 36, row.end()}), (Values{0, 0x3c, 0, 0x40}));
}

TEST(QuantizeRows, RowsOfItsSizeMakeUpTheLastDim) {
  EXPECT_EQ(error_of(Op::QuantizeRows, {floats({1, 5}, {1, 2, 3, 4, 5})}, {{"size", int64_t(2)}}),
            "QuantizeRows: x is [1, 5], which rows of 2 do not divide");
  EXPECT_EQ(error_of(Op::QuantizeRows, {floats({1, 2}, {1, 2})}),
            "QuantizeRows: attribute size is 0, a row has at least one element");
}

TEST(SinkAttention, KeysAndValuesOfCodesAreReadAsReals) {
  const auto rows = [](const Values& bytes) { return tensor(DType::i8, {1, 1, 1, 8}, bytes); };
  const Tensor two = rows({127, 0, 0, 0, 0, 0x24, 0, 0});  // 127 / 64
  std::vector<Tensor> inputs = {heads({1}), two, two};
  EXPECT_EQ(values_of(Op::SinkAttention, inputs, {{"v_head_size", int64_t(1)}}),
            (Values{127.0 / 64}));
  EXPECT_EQ(error_of(Op::SinkAttention, inputs),
            "SinkAttention: v is of codes, whose heads have a fixed size, not 0");
  EXPECT_EQ(error_of(Op::SinkAttention, inputs, {{"v_head_size", int64_t(40)}}),
            "SinkAttention: v has heads of 8 bytes, codes of 40 elements take 44");
  EXPECT_EQ(error_of(Op::Attention, {heads({1}), heads({1}), two}),
            "Attention: v is i8, a float type is needed");
}

TEST(SinkAttention, ExtrasAreOnePerHead) {
  EXPECT_EQ(error_of(Op::SinkAttention, with_extras({1}, {8}, floats({2}, {0, 0}))),
            "SinkAttention: sinks are [2], expected [1]");
  EXPECT_EQ(error_of(Op::SinkAttention, with_extras({1}, {8}, Tensor{}, floats({}, {0}))),
            "SinkAttention: slopes are [], expected [1]");
}

TEST(Attention, ShapeErrorsSayWhatDoesNotFit) {
  EXPECT_EQ(shape_of(Op::Attention, {real({1, 4, 12}), real({1, 4, 12}), real({1, 4, 12})}),
            "Attention: q has three dims, so attribute q_num_heads is needed");
  EXPECT_EQ(shape_of(Op::Attention, {real({1, 3, 4, 8}), real({1, 2, 4, 8}), real({1, 2, 4, 8})}),
            "Attention: q has 3 heads, not a multiple of the 2 of k");
  EXPECT_EQ(shape_of(Op::Attention,
                     {real({1, 2, 4, 8}), real({1, 2, 4, 8}), real({1, 2, 4, 8}), real({4, 5})}),
            "Attention: the mask is [4, 5], which does not broadcast to [1, 2, 4, 4]");
}

TEST(RotaryEmbedding, TurnsPairsByHand) {
  const Tensor cosine = floats({2, 1}, {1, 0}), sine = floats({2, 1}, {0, 1});
  // Position 1 turns (a, b) by a right angle into (-b, a); the third element is not rotated.
  const Tensor x = floats({1, 1, 1, 3}, {5, 7, 9});
  const Attrs attrs{{"rotary_embedding_dim", int64_t(2)}};
  EXPECT_EQ(values_of(Op::RotaryEmbedding, {x, cosine, sine, ints({1, 1}, {1})}, attrs),
            (Values{-7, 5, 9}));
  EXPECT_EQ(values_of(Op::RotaryEmbedding, {x, cosine, sine, ints({1, 1}, {0})}, attrs),
            (Values{5, 7, 9}));
  EXPECT_EQ(error_of(Op::RotaryEmbedding, {x, cosine, sine, ints({1, 1}, {2})}, attrs),
            "RotaryEmbedding: position 2 is outside the 2 rows of cos");
}

// Runs TensorScatter with the output in the memory of `cache`, where `update` may lie too.
Status scatter_in_place(const Array& cache, const Array& update, const Tensor& at,
                        Attrs attrs = {}) {
  const Array in[] = {cache, update, at.view()}, out[] = {cache};
  return ops::run_reference(ops::def(Op::TensorScatter), {in, out, attrs});
}

TEST(TensorScatter, InPlaceWritesTheUpdateOnly) {
  const Tensor cache = floats({1, 1, 4, 1}, {1, 2, 3, 4}), update = floats({1, 1, 2, 1}, {8, 9});
  ASSERT_TRUE(scatter_in_place(cache.view(), update.view(), ints({1}, {1})).ok());
  EXPECT_EQ(ops::load_all(cache.view()), (Values{1, 8, 9, 4}));
  ASSERT_TRUE(
      scatter_in_place(cache.view(), update.view(), ints({1}, {3}), {{"mode", "circular"}}).ok());
  EXPECT_EQ(ops::load_all(cache.view()), (Values{9, 8, 9, 8}));
}

TEST(TensorScatter, AnUpdateThatLiesAtItsPlaceIsLeftAlone) {
  const Tensor cache = floats({1, 1, 4, 1}, {1, 2, 3, 4});
  const Array update = ops::narrowed(cache.view(), 2, 1, 2);
  ASSERT_TRUE(scatter_in_place(cache.view(), update, ints({1}, {1})).ok());
  EXPECT_EQ(ops::load_all(cache.view()), (Values{1, 2, 3, 4}));
}

TEST(TensorScatter, AnUpdateBeyondTheCacheIsAnError) {
  const Tensor cache = floats({1, 1, 4, 1}, {1, 2, 3, 4}), update = floats({1, 1, 2, 1}, {8, 9});
  const auto status = scatter_in_place(cache.view(), update.view(), ints({1}, {3}));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message,
            "TensorScatter: an update of 2 at position 3 does not fit into a cache of 4");
  EXPECT_FALSE(scatter_in_place(cache.view(), update.view(), ints({1}, {-1})).ok());
}

}  // namespace
}  // namespace weft::test
