#include "importers/onnx/test_data.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weft::onnx {
namespace {

class TensorFile : public testing::Test {
 protected:
  Result<NamedTensor> read(const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return read_tensor_file(path);
  }
  void TearDown() override { std::filesystem::remove(path); }
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "weft_tensor_file.pb";
};

TEST_F(TensorFile, gives_name_type_dims_and_bytes) {
  const auto ids =
      read_tensor_file(WEFT_TEST_DATA "/tiny/genai-fp32/llama/test_data_set_1/input_0.pb");
  ASSERT_TRUE(ids.ok()) << ids.error().message;
  EXPECT_EQ(ids->name, "input_ids");
  EXPECT_EQ(ids->tensor.dtype, ir::DType::i64);
  EXPECT_EQ(ids->tensor.dims, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(ids->tensor.data->bytes.size(), 8u);
}

TEST_F(TensorFile, that_is_damaged_is_named) {
  const auto damaged = read("\xff\xff\xff");
  ASSERT_FALSE(damaged.ok());
  EXPECT_NE(damaged.error().message.find("weft_tensor_file.pb"), std::string::npos);
  EXPECT_FALSE(read_tensor_file(path.string() + ".none").ok());
}

TEST_F(TensorFile, with_fewer_bytes_than_its_dims_say_is_refused) {
  // dims: 4, data_type: INT64, raw_data: 8 bytes
  EXPECT_FALSE(read(std::string("\x08\x04\x10\x07\x4a\x08", 6) + std::string(8, '\1')).ok());
  EXPECT_TRUE(read(std::string("\x08\x01\x10\x07\x4a\x08", 6) + std::string(8, '\1')).ok());
}

TEST_F(TensorFile, may_not_name_data_in_another_file) {
  // dims: 1, data_type: INT64, external_data: location=x, data_location: EXTERNAL
  EXPECT_FALSE(
      read(std::string("\x08\x01\x10\x07\x6a\x0d\x0a\x08location\x12\x01x\x70\x01", 21)).ok());
}

}  // namespace
}  // namespace weft::onnx
