// ExpertMatMul: what it computes on numbers made by hand, and what does not fit.
#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

// Two experts of two inputs and three outputs.
Tensor weights() { return floats({2, 2, 3}, {1, 0, 2, 0, 1, 3, 10, 0, 0, 0, 10, 20}); }
// The same, each matrix transposed.
Tensor columns() { return floats({2, 3, 2}, {1, 0, 0, 1, 2, 3, 10, 0, 0, 10, 0, 20}); }

TEST(ExpertMatMul, each_row_is_multiplied_by_its_own_expert) {
  const Tensor x = floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor experts = ints({2, 2}, {1, 0, 0, -1});
  const Values y = {10, 20, 40, 3, 4, 18, 5, 6, 28, 70, 80, 160};
  EXPECT_EQ(values_of(Op::ExpertMatMul, {x, weights(), experts}), y);
  EXPECT_EQ(values_of(Op::ExpertMatMul, {x, columns(), experts}, {{"transposed", int64_t{1}}}), y);
}

TEST(ExpertMatMul, one_row_may_serve_all_experts_of_a_place) {
  const Tensor x = floats({2, 1, 2}, {1, 2, 3, 4});
  const Tensor bias = floats({2, 3}, {100, 200, 300, -1, -2, -3});
  EXPECT_EQ(values_of(Op::ExpertMatMul, {x, weights(), ints({2, 2}, {1, 0, 0, 0}), bias}),
            (Values{9, 18, 37, 101, 202, 308, 103, 204, 318, 103, 204, 318}));
}

TEST(ExpertMatMul, places_may_have_any_dims) {
  const Tensor x = floats({1, 2, 1, 2}, {1, 2, 3, 4});
  EXPECT_EQ(values_of(Op::ExpertMatMul, {x, weights(), ints({1, 2, 1}, {0, 1})}),
            (Values{1, 2, 8, 30, 40, 80}));
  EXPECT_EQ(shape_of(Op::ExpertMatMul,
                     {real({symbol("seq"), 1, 8}), real({4, 16, 8}), whole({symbol("seq"), 2}),
                      real({4, 16})},
                     {{"transposed", int64_t{1}}}),
            "[seq, 2, 16]");
}

TEST(ExpertMatMul, no_rows_are_no_work) {
  EXPECT_EQ(values_of(Op::ExpertMatMul, {floats({0, 1, 2}, {}), weights(), ints({0, 2}, {})}),
            Values{});
}

TEST(ExpertMatMul, codes_are_decoded_matrix_by_matrix) {
  // [2, 3, 2] of u8, blocks of one row: real = (code - zero) * scale.
  const Tensor codes = Tensor::zeros(DType::u8, {2, 3, 2});
  ops::store_ints(codes.view(), std::vector<int64_t>{2, 1, 1, 2, 3, 4, 11, 1, 1, 11, 1, 21});
  const std::vector<float> scales(6, 1.0f);
  const std::vector<uint8_t> zeros(6, 1);
  ops::ArrayQuantization q;
  q.storage = DType::u8;
  q.scale = scales.data();
  q.zero_u8 = zeros.data();
  Array packed = codes.view();
  packed.dtype = DType::f32;
  packed.quantization = &q;
  const Tensor x = floats({2, 1, 2}, {1, 2, 3, 4}), y = Tensor::zeros(DType::f32, {2, 2, 3});
  const Tensor experts = ints({2, 2}, {1, 0, 0, 1});
  const Array inputs[] = {x.view(), packed, experts.view()}, outputs[] = {y.view()};
  const Attrs attrs{{"transposed", int64_t{1}}};
  const Status done = ops::run_reference(ops::def(Op::ExpertMatMul), {inputs, outputs, attrs});
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(ops::load_all(y.view()), (Values{10, 20, 40, 1, 2, 8, 3, 4, 18, 30, 40, 80}));
}

TEST(ExpertMatMul, what_does_not_fit_is_said) {
  EXPECT_EQ(shape_of(Op::ExpertMatMul, {real({5, 1, 7}), real({4, 8, 16}), whole({5, 2})}),
            "ExpertMatMul: x is [5, 1, 7], the weights [4, 8, 16] and the experts [5, 2]; "
            "[B..., k or 1, K], [E, K, N] and [B..., k] belong together");
  EXPECT_EQ(
      shape_of(Op::ExpertMatMul, {real({5, 1, 8}), real({4, 8, 16}), whole({5, 2}), real({4, 8})}),
      "ExpertMatMul: the bias is [4, 8], expected [4, 16]");
  EXPECT_EQ(error_of(Op::ExpertMatMul, {floats({1, 1, 2}, {1, 2}), weights(), ints({1, 1}, {2})}),
            "ExpertMatMul: expert 2 is none of the 2");
}

}  // namespace
}  // namespace weft::test
