#include "importers/onnx/tensors.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

Result<Tensor> read(::onnx::TensorProto proto) {
  ExternalFiles files{{}};
  return read_tensor(proto, files);
}

::onnx::TensorProto tensor(int dtype, const std::vector<int64_t>& dims) {
  ::onnx::TensorProto proto;
  proto.set_name("w");
  proto.set_data_type(dtype);
  for (int64_t dim : dims) proto.add_dims(dim);
  return proto;
}

template <typename T>
std::vector<T> elements(const Tensor& tensor) {
  std::vector<T> out(tensor.data->bytes.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), tensor.data->bytes.data(), out.size() * sizeof(T));
  return out;
}

TEST(tensors, typed_fields_hold_each_type_as_onnx_says) {
  auto f32 = tensor(1, {2});
  f32.add_float_data(1.5f);
  f32.add_float_data(-2);
  EXPECT_EQ(elements<float>(*read(f32)), (std::vector<float>{1.5f, -2}));

  auto i8 = tensor(3, {2});
  i8.add_int32_data(-1);
  i8.add_int32_data(7);
  EXPECT_EQ(elements<int8_t>(*read(i8)), (std::vector<int8_t>{-1, 7}));

  auto f16 = tensor(10, {1});
  f16.add_int32_data(0x3c00);
  EXPECT_EQ(elements<uint16_t>(*read(f16)), (std::vector<uint16_t>{0x3c00}));

  auto u32 = tensor(12, {1});
  u32.add_uint64_data(4000000000u);
  EXPECT_EQ(elements<uint32_t>(*read(u32)), (std::vector<uint32_t>{4000000000u}));

  auto f64 = tensor(11, {});
  f64.add_double_data(0.25);
  EXPECT_EQ(elements<double>(*read(f64)), (std::vector<double>{0.25}));
}

TEST(tensors, four_bit_types_lie_two_to_a_byte) {
  auto int4 = tensor(22, {3});
  int4.add_int32_data(0x21);
  int4.add_int32_data(0x0f);
  auto read_back = read(int4);
  ASSERT_TRUE(read_back.ok()) << read_back.error().message;
  EXPECT_EQ(read_back->dtype, ir::DType::i4);
  EXPECT_EQ(elements<uint8_t>(*read_back), (std::vector<uint8_t>{0x21, 0x0f}));
}

TEST(tensors, raw_data_is_taken_over_and_equal_bytes_have_equal_ids) {
  auto proto = tensor(1, {1});
  proto.set_raw_data("abcd");
  ExternalFiles files{{}};
  auto first = read_tensor(proto, files);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(proto.raw_data().empty());
  auto again = tensor(2, {4});
  again.set_raw_data("abcd");
  EXPECT_EQ(first->data->content_id, read(again)->data->content_id);
}

TEST(tensors, an_empty_tensor_needs_no_data) {
  auto read_back = read(tensor(1, {1, 2, 0, 16}));
  ASSERT_TRUE(read_back.ok()) << read_back.error().message;
  EXPECT_TRUE(read_back->data->bytes.empty());
}

TEST(tensors, data_that_does_not_match_the_shape_is_refused_with_both_sizes) {
  auto proto = tensor(1, {3});
  proto.set_raw_data("abcd");
  auto failed = read(proto);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message,
            "tensor 'w' has 4 bytes of data, but 3 elements of f32 take 12");
}

TEST(tensors, absurd_dims_are_refused) {
  EXPECT_NE(read(tensor(1, {INT64_MAX, INT64_MAX})).error().message.find("more elements"),
            std::string::npos);
  EXPECT_NE(read(tensor(1, {-2})).error().message.find("negative"), std::string::npos);
}

TEST(tensors, element_types_without_support_are_named_by_number_and_name) {
  EXPECT_NE(read(tensor(17, {1})).error().message.find("17 (FLOAT8E4M3FN)"), std::string::npos);
  EXPECT_NE(read(tensor(8, {1})).error().message.find("8 (STRING)"), std::string::npos);
  EXPECT_NE(read(tensor(99, {1})).error().message.find("99 (unknown)"), std::string::npos);
}

TEST(tensors, half_floats_widen_to_f32) {
  auto f16 = tensor(10, {2});
  f16.add_int32_data(0x3c00);
  f16.add_int32_data(0xc000);
  EXPECT_EQ(elements<float>(*as_f32(*read(f16))), (std::vector<float>{1, -2}));
  auto bf16 = tensor(16, {1});
  bf16.add_int32_data(0x3f80);
  EXPECT_EQ(elements<float>(*as_f32(*read(bf16))), (std::vector<float>{1}));
}

}  // namespace
}  // namespace weft::onnx
