// FusedMatMul: importers/onnx/matmul.cpp. MatMulNBits is in quantized_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(matmul, fused_products_transpose_and_scale) {
  ModelBuilder model;
  model.input("a", FLOAT, {"s", 4}).input("b", FLOAT, {3, 4}).output("y");
  model.contrib("FusedMatMul", {"a", "b"}, {"y"}).set("transB", 1).set("alpha", 0.5f);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Transpose MatMul Mul");
  EXPECT_EQ(output_type(*graph), "f32[s, 3]");
}

TEST(matmul, a_fused_product_of_plain_matrices_is_a_product) {
  ModelBuilder model;
  model.input("a", FLOAT, {"s", 4}).input("b", FLOAT, {4, 3}).output("y");
  model.contrib("FusedMatMul", {"a", "b"}, {"y"});
  EXPECT_EQ(ops(*model.import()), "MatMul");
}

TEST(matmul, a_batch_transpose_moves_the_first_dim_behind_the_batch) {
  ModelBuilder model;
  model.input("a", FLOAT, {2, "s", 4}).input("b", FLOAT, {"s", 4, 3}).output("y");
  model.contrib("FusedMatMul", {"a", "b"}, {"y"}).set("transBatchA", 1);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Transpose MatMul");
  EXPECT_EQ(output_type(*graph), "f32[s, 2, 3]");
}

TEST(matmul, a_product_with_its_gelu_comes_apart) {
  ModelBuilder model;
  model.input("a", FLOAT, {"s", 4}).output("y");
  model.floats("b", {4, 3});
  model.floats("bias", {3});
  model.contrib("GemmFastGelu", {"a", "b", "bias"}, {"y"});
  auto graph = model.import();
  EXPECT_EQ(ops(*graph), "MatMul Add Gelu");
  EXPECT_EQ(output_node(*graph).attrs.text("approximate", ""), "tanh");
}

}  // namespace
}  // namespace weft::onnx
