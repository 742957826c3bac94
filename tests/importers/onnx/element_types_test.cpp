#include "importers/onnx/element_types.h"

#include <gtest/gtest.h>

namespace weft::onnx {
namespace {

TEST(element_types, the_table_reaches_four_bit_integers) {
  EXPECT_EQ(*element_type(21), ir::DType::u4);
  EXPECT_EQ(*element_type(22), ir::DType::i4);
  EXPECT_EQ(element_type_name(28), "FLOAT6E3M2");
  EXPECT_FALSE(element_type(0).ok());
  EXPECT_FALSE(element_type(-1).ok());
}

}  // namespace
}  // namespace weft::onnx
