// MatMul, Gemm and Gather on the forms a weight can have.
#include <random>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

TEST(MatMul, MultipliesByHand) {
  const Tensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6}), b = floats({3, 2}, {1, 0, 0, 1, 2, 3});
  EXPECT_EQ(values_of(Op::MatMul, {a, b}), (Values{7, 11, 16, 23}));
  const Tensor row = floats({3}, {1, 2, 3}), column = floats({3}, {1, 1, 1});
  EXPECT_EQ(values_of(Op::MatMul, {row, column}), (Values{6}));
  EXPECT_EQ(values_of(Op::MatMul, {row, b}), (Values{7, 11}));
  EXPECT_EQ(values_of(Op::MatMul, {a, column}), (Values{6, 15}));
}

TEST(MatMul, BatchesBroadcast) {
  const Tensor a = floats({2, 1, 1, 2}, {1, 2, 3, 4}), b = floats({3, 2, 1}, {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(values_of(Op::MatMul, {a, b}), (Values{1, 2, 3, 3, 4, 7}));
}

TEST(MatMul, IntegersAreExactBeyondDoubles) {
  const int64_t big = (int64_t(1) << 53) + 1;
  const auto y = run_all(Op::MatMul, {ints({1, 2}, {big, 1}), ints({2, 1}, {1, 2})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(ops::load_ints((*y)[0].view()), (std::vector<int64_t>{big + 2}));
}

TEST(MatMul, ZeroSizesGiveZerosOrNothing) {
  const auto no_rows = run_all(Op::MatMul, {floats({0, 3}, {}), floats({3, 2}, Values(6, 1))});
  ASSERT_TRUE(no_rows.ok());
  EXPECT_EQ((*no_rows)[0].shape, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(values_of(Op::MatMul, {floats({1, 0}, {}), floats({0, 2}, {})}), (Values{0, 0}));
}

// A 4-bit weight [K, N], blocks of 8 along K, in either storage order, and what it decodes to.
struct Weight {
  Tensor codes = Tensor::zeros(DType::u4, {5 * 24});
  std::vector<float> scale = std::vector<float>(15);
  ops::ArrayQuantization quantization;
  Array array, plain;
  Tensor decoded = Tensor::zeros(DType::f32, {19, 5});

  // Lines of 19 values, 5 of them: 24 codes and 3 scales each.
  explicit Weight(bool column_major) {
    std::mt19937 random(3);
    for (int64_t i = 0; i < 120; ++i) ops::store_int(codes.view(), i, int64_t(random() % 16));
    for (float& s : scale) s = 0.25f * float(1 + random() % 4);
    quantization = {DType::u4, 8, scale.data(), nullptr, nullptr, 8};
    const std::vector<int64_t> shape =
        column_major ? std::vector<int64_t>{19, 5} : std::vector<int64_t>{5, 19};
    array = {DType::f32,         shape,         ops::row_major(shape),
             codes.bytes.data(), &quantization, column_major};
    decoded = Tensor::zeros(DType::f32, shape);
    for (int64_t line = 0; line < 5; ++line) {
      for (int64_t i = 0; i < 19; ++i) {
        const int64_t code = ops::load_int(codes.view(), line * 24 + i);
        const double value = double(code - 8) * scale[size_t(line * 3 + i / 8)];
        ops::store(decoded.view(), column_major ? i * 5 + line : line * 19 + i, value);
      }
    }
    plain = decoded.view();
  }
};

Tensor multiply(Op op, const Array& a, const Array& b, std::vector<int64_t> shape,
                Attrs attrs = {}) {
  const Tensor y = Tensor::zeros(DType::f32, std::move(shape));
  const Array in[] = {a, b}, out[] = {y.view()};
  const auto status = ops::run_reference(ops::def(op), {in, out, attrs});
  EXPECT_TRUE(status.ok()) << status.error().message;
  return y;
}

TEST(MatMul, AQuantizedWeightGivesWhatItsDecodedFormGives) {
  for (const bool column_major : {false, true}) {
    const Weight weight(column_major);
    const int64_t k = weight.array.shape[0], n = weight.array.shape[1];
    Values values;
    for (int64_t i = 0; i < 2 * 3 * 19; ++i) values.push_back(double(i % 7) - 3);
    const Tensor a = floats({2, 3, k}, Values(values.begin(), values.begin() + 6 * k));
    EXPECT_EQ(multiply(Op::MatMul, a.view(), weight.array, {2, 3, n}).bytes,
              multiply(Op::MatMul, a.view(), weight.plain, {2, 3, n}).bytes);
    const Tensor left = floats({2, n}, Values(values.begin(), values.begin() + 2 * n));
    EXPECT_EQ(
        multiply(Op::Gemm, left.view(), weight.array, {2, k}, {{"transB", int64_t(1)}}).bytes,
        multiply(Op::Gemm, left.view(), weight.plain, {2, k}, {{"transB", int64_t(1)}}).bytes);
    const Tensor right = floats({n, 2}, Values(values.begin(), values.begin() + 2 * n));
    EXPECT_EQ(multiply(Op::MatMul, weight.array, right.view(), {k, 2}).bytes,
              multiply(Op::MatMul, weight.plain, right.view(), {k, 2}).bytes);
  }
}

TEST(Gather, RowsOfAQuantizedTableAreDecoded) {
  for (const bool column_major : {false, true}) {
    const Weight weight(column_major);
    const Tensor indices = ints({1, 2}, {3, -1});
    const std::vector<int64_t> shape{1, 2, weight.array.shape[1]};
    EXPECT_EQ(multiply(Op::Gather, weight.array, indices.view(), shape).bytes,
              multiply(Op::Gather, weight.plain, indices.view(), shape).bytes);
  }
}

TEST(Gather, AnIndexOutsideTheAxisIsAnError) {
  EXPECT_EQ(error_of(Op::Gather, {floats({2}, {1, 2}), ints({1}, {2})}),
            "Gather: index 2 is outside an axis of 2");
}

TEST(MatMul, ATransposedViewIsReadByItsStrides) {
  const Tensor a = floats({1, 3}, {1, 2, 3}), b = floats({2, 3}, {1, 0, 2, 0, 1, 3});
  const Array turned = ops::permuted(b.view(), std::vector<int64_t>{1, 0});
  EXPECT_EQ(ops::load_all(multiply(Op::MatMul, a.view(), turned, {1, 2}).view()), (Values{7, 11}));
}

}  // namespace
}  // namespace weft::test
