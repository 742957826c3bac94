#include "core/ops/array.h"

#include <cmath>

#include "core/ops/half.h"
#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

TEST(Half, EveryCodeSurvivesWideningAndNarrowing) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const ops::Half half{uint16_t(code)};
    const ops::BFloat bfloat{uint16_t(code)};
    if (!std::isnan(ops::to_double(half))) {
      EXPECT_EQ(ops::to_half(ops::to_double(half)).bits, code);
    }
    if (!std::isnan(ops::to_double(bfloat))) {
      EXPECT_EQ(ops::to_bfloat(ops::to_double(bfloat)).bits, code);
    }
  }
  EXPECT_TRUE(std::isnan(ops::to_double(ops::to_half(NAN))));
  EXPECT_TRUE(std::isnan(ops::to_double(ops::to_bfloat(NAN))));
}

TEST(Half, NarrowingRoundsToNearestEvenAndOverflowsToInfinity) {
  EXPECT_EQ(ops::to_half(1 + 0x1p-11).bits, 0x3c00);            // a tie goes to the even code
  EXPECT_EQ(ops::to_half(1 + 0x1p-11 + 0x1p-40).bits, 0x3c01);  // no rounding through float first
  EXPECT_EQ(ops::to_half(1 + 3 * 0x1p-11).bits, 0x3c02);
  EXPECT_EQ(ops::to_half(65504).bits, 0x7bff);
  EXPECT_EQ(ops::to_half(65520).bits, 0x7c00);
  EXPECT_EQ(ops::to_half(0x1p-24).bits, 1);
  EXPECT_EQ(ops::to_half(0x1p-25).bits, 0);
  EXPECT_EQ(ops::to_half(-1e10).bits, 0xfc00);
  EXPECT_EQ(ops::to_bfloat(1 + 0x1p-8).bits, 0x3f80);
}

TEST(Array, FourBitElementsArePackedLowNibbleFirst) {
  const Tensor codes = Tensor::zeros(DType::u4, {3});
  ops::store_ints(codes.view(), std::vector<int64_t>{1, 15, 7});
  EXPECT_EQ(codes.bytes, (std::vector<std::byte>{std::byte(0xf1), std::byte(0x07)}));
  const Tensor codes_signed = Tensor::zeros(DType::i4, {2});
  ops::store_ints(codes_signed.view(), std::vector<int64_t>{-8, 7});
  EXPECT_EQ(ops::load_all(codes_signed.view()), (Values{-8, 7}));
}

TEST(Array, StoringSaturatesFloatsAndWrapsIntegers) {
  const Tensor bytes = Tensor::zeros(DType::i8, {4});
  ops::store_all(bytes.view(), Values{1e9, -1e9, NAN, -1.9});
  EXPECT_EQ(ops::load_ints(bytes.view()), (std::vector<int64_t>{127, -128, 0, -1}));
  ops::store_ints(bytes.view(), std::vector<int64_t>{256, 257, -1, 128});
  EXPECT_EQ(ops::load_ints(bytes.view()), (std::vector<int64_t>{0, 1, -1, -128}));
  const Tensor wide = Tensor::zeros(DType::i64, {1});
  ops::store_all(wide.view(), Values{1e300});
  EXPECT_EQ(ops::load_int(wide.view(), 0), INT64_MAX);
}

TEST(Array, ViewsMoveThroughStrides) {
  const Tensor x = floats({2, 3}, {0, 1, 2, 3, 4, 5});
  const Array turned = ops::permuted(x.view(), std::vector<int64_t>{1, 0});
  EXPECT_EQ(ops::load_all(turned), (Values{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(ops::load(turned, 3), 4);
  EXPECT_EQ(ops::load_all(ops::narrowed(turned, 0, 1, 2)), (Values{1, 4, 2, 5}));
  EXPECT_FALSE(ops::is_row_major(turned));
  const Tensor flat = Tensor::zeros(DType::f32, {6});
  ops::copy_elements(turned, flat.view());
  EXPECT_EQ(ops::load_all(flat.view()), (Values{0, 3, 1, 4, 2, 5}));
}

// K = 3 values in blocks of 2: a line holds 4 codes, the last of them padding.
TEST(Array, QuantizedLinesAreDecodedByBlockAndPadded) {
  Tensor codes = Tensor::zeros(DType::u4, {8});
  ops::store_ints(codes.view(), std::vector<int64_t>{8, 9, 10, 0, 1, 2, 3, 0});
  const std::vector<float> scale{1, 2, 4, 8};
  const ops::ArrayQuantization q{DType::u4, 2, scale.data(), nullptr, nullptr, 8};
  const Array rows{DType::f32, {2, 3}, {3, 1}, codes.bytes.data(), &q, false};
  EXPECT_EQ(ops::load_all(rows), (Values{0, 1, 4, -28, -24, -40}));
  Array columns = rows;
  columns.shape = {3, 2}, columns.column_major = true;
  EXPECT_EQ(ops::load_all(columns), (Values{0, -28, 1, -24, 4, -40}));
  Values line(3);
  ops::load_line(columns, 1, true, line);
  EXPECT_EQ(line, (Values{-28, -24, -40}));
  ops::load_line(rows, 1, false, line);
  EXPECT_EQ(line, (Values{-28, -24, -40}));
  Values across(2);
  ops::load_line(rows, 2, true, across);
  EXPECT_EQ(across, (Values{4, -40}));
}

TEST(Array, ZeroPointsMayBePerBlock) {
  Tensor codes = Tensor::zeros(DType::i8, {4});
  ops::store_ints(codes.view(), std::vector<int64_t>{-3, 4, 5, 6});
  const std::vector<float> scale{1, 0.5}, zero{1, -2};
  const std::vector<uint8_t> bytes{1, 2};
  ops::ArrayQuantization q{DType::i8, 2, scale.data(), zero.data(), nullptr, 0};
  const Array view{DType::f32, {1, 4}, {4, 1}, codes.bytes.data(), &q, false};
  EXPECT_EQ(ops::load_all(view), (Values{-4, 3, 3.5, 4}));
  q.zero_f32 = nullptr, q.zero_u8 = bytes.data();
  EXPECT_EQ(ops::load_all(view), (Values{-4, 3, 1.5, 2}));
}

TEST(Array, AViewWithAZeroDimHasNoElements) {
  const Tensor none = Tensor::zeros(DType::f32, {2, 0, 3});
  EXPECT_EQ(none.view().count(), 0);
  EXPECT_TRUE(ops::load_all(none.view()).empty());
}

}  // namespace
}  // namespace weft::test
