// Codes and what they leave out, together, are the product of the whole numbers.
#include <algorithm>
#include <cmath>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

Tensor tensor_of(DType dtype, std::vector<int64_t> shape, const std::vector<double>& values) {
  Tensor out = Tensor::zeros(dtype, std::move(shape));
  ops::store_all(out.view(), values);
  return out;
}

std::vector<double> run(Op op, const std::vector<Tensor>& inputs, std::vector<int64_t> shape,
                        DType dtype = DType::f32, const Attrs& attrs = {}) {
  std::vector<Array> arrays;
  for (const Tensor& input : inputs) arrays.push_back(input.view());
  const Tensor out = Tensor::zeros(dtype, std::move(shape));
  const Array outputs[] = {out.view()};
  const auto status = ops::run_reference(ops::def(op), {arrays, outputs, attrs});
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  return ops::load_all(out.view());
}

// Every q of 16 bits as x = q * step, a row each.
constexpr double kStep = 0.25;
std::vector<double> all_of_16_bits() {
  std::vector<double> q;
  for (int one = -32768; one <= 32767; ++one) q.push_back(one);
  return q;
}

TEST(OutlierMatMul, residual_and_codes_are_q_for_every_q_of_16_bits) {
  const auto q = all_of_16_bits();
  const int64_t rows = int64_t(q.size());
  std::vector<double> x(q);
  for (double& one : x) one *= kStep;
  const Tensor input = tensor_of(DType::f32, {rows, 1}, x);
  const Tensor step = tensor_of(DType::f32, {}, {kStep}), zero = tensor_of(DType::i8, {}, {0});
  const Tensor w = tensor_of(DType::i8, {1, 2}, {1, -7});
  const Tensor scale = tensor_of(DType::f32, {2}, {1, 0.5});
  const auto codes = run(Op::QuantizeLinear, {input, step, zero}, {rows, 1}, DType::i8);
  const auto rest = run(Op::OutlierMatMul, {input, step, w, scale}, {rows, 2});
  for (size_t i = 0; i < q.size(); ++i) {
    ASSERT_GE(codes[i], -128);
    ASSERT_LE(codes[i], 127);
    ASSERT_EQ(codes[i] + rest[2 * i], q[i]);
    ASSERT_EQ((codes[i] * -7) * 0.5 + rest[2 * i + 1], q[i] * -3.5);
    const bool inside = q[i] >= -128 && q[i] <= 127;
    ASSERT_EQ(rest[2 * i] == 0, inside) << q[i];
  }
}

// As the paper prints it: min[max(q, -127), 128] + floor(q / 128) * 128.
double printed(double q) {
  return std::min(std::max(q, -127.0), 128.0) + std::floor(q / 128) * 128;
}

TEST(OutlierMatMul, the_equation_as_printed_in_the_paper_is_not_the_identity) {
  EXPECT_EQ(printed(100), 100);
  EXPECT_EQ(printed(-1), -129);  // every small negative value
  EXPECT_EQ(printed(200), 256);
  int64_t right = 0;
  for (const double q : all_of_16_bits()) right += printed(q) == q;
  EXPECT_EQ(right, 128);  // of 65,536: 0 .. 127
}

TEST(OutlierMatMul, halves_round_to_even_as_codes_do) {
  // 127.5 rounds to 128, one beyond; -128.5 to -128, which is a code.
  const Tensor x = tensor_of(DType::f32, {4, 1}, {127.5, -128.5, -129.5, 126.5});
  const Tensor one = tensor_of(DType::f32, {}, {1}), w = tensor_of(DType::i8, {1, 1}, {3});
  EXPECT_EQ(run(Op::OutlierMatMul, {x, one, w, one}, {4, 1}), (std::vector<double>{3, 0, -6, 0}));
}

TEST(OutlierMatMul, a_nan_stays_one) {
  const Tensor x = tensor_of(DType::f32, {1, 1}, {std::nan("")});
  const Tensor one = tensor_of(DType::f32, {}, {1}), w = tensor_of(DType::i8, {1, 1}, {3});
  EXPECT_TRUE(std::isnan(run(Op::OutlierMatMul, {x, one, w, one}, {1, 1})[0]));
}

TEST(OutlierMatMul, the_shape_is_that_of_a_product) {
  const Given x = real({1, symbol("seq"), 8}), step = real({}), scale = real({5});
  const Given w = {{DType::i8, {Dim(8), Dim(5)}}, {}};
  EXPECT_EQ(shape_of(Op::OutlierMatMul, {x, step, w, scale}), "[1, seq, 5]");
  EXPECT_EQ(shape_of(Op::OutlierMatMul, {x, step, w, real({})}), "[1, seq, 5]");
  EXPECT_NE(shape_of(Op::OutlierMatMul, {real({1, 7}), step, w, scale}).find("belong together"),
            std::string::npos);
  EXPECT_NE(shape_of(Op::OutlierMatMul, {x, step, real({8, 5}), scale}).find("i8 is needed"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::test
