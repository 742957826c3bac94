// Constants behind DequantizeLinear: importers/onnx/dequantize.cpp. What they compute is in
// node_cases_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

constexpr int INT8 = 3;

// y = `reader`(DequantizeLinear(codes i8 [8, 6], scale)), with the constant where it is read as a
// weight.
struct Coded {
  ModelBuilder model{21};
  NodeBuilder node;
  explicit Coded(const std::string& reader, const std::vector<int64_t>& scales = {})
      : node(model.node("DequantizeLinear", {"codes", "scale"}, {"w"})) {
    model.raw("codes", INT8, {8, 6}, std::vector<int8_t>(48, -3));
    model.floats("scale", scales);
    model.input("x", FLOAT, {"s", 8}).input("ids", INT64, {"s"}).output("y");
    if (reader == "MatMul") model.node(reader, {"x", "w"}, {"y"});
    if (reader == "Gather") model.node(reader, {"w", "ids"}, {"y"});
    if (reader == "Neg") model.node(reader, {"w"}, {"y"});
  }
};

const ir::Value& weight(const ir::Graph& graph) {
  const ir::Node& node = output_node(graph);
  return graph[node.inputs[node.op == ir::Op::Gather ? 0 : 1]];
}

TEST(dequantize, a_weight_with_one_scale_keeps_the_bytes_of_the_file) {
  auto graph = Coded("MatMul").model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "MatMul");
  ASSERT_TRUE(weight(*graph).quantization);
  EXPECT_EQ(weight(*graph).quantization->storage, ir::DType::i8);
  EXPECT_EQ(weight(*graph).quantization->block, 0);
  EXPECT_FALSE(weight(*graph).column_major);
  EXPECT_EQ(ir::str(weight(*graph).type), "f32[8, 6]");
}

TEST(dequantize, scales_of_columns_make_columns_of_the_codes) {
  auto graph = Coded("MatMul", {6}).model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_TRUE(weight(*graph).column_major);
  EXPECT_EQ(ir::str((*graph)[weight(*graph).quantization->scale].type), "f32[6, 1]");
}

TEST(dequantize, rows_of_a_table_have_their_scales) {
  Coded coded("Gather", {8});
  coded.node.set("axis", 0);
  auto graph = coded.model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Gather");
  EXPECT_FALSE(weight(*graph).column_major);
}

TEST(dequantize, what_another_node_reads_stays_an_op) {
  EXPECT_EQ(ops(*Coded("Neg").model.import()), "DequantizeLinear Neg");
  Coded both("MatMul");
  both.model.output("w");
  EXPECT_EQ(ops(*both.model.import()), "DequantizeLinear MatMul");
}

TEST(dequantize, an_activation_stays_an_op) {
  ModelBuilder model(21);
  model.input("x", INT8, {"s", 8}).output("y");
  model.floats("scale", {});
  model.floats("w", {8, 2});
  model.node("DequantizeLinear", {"x", "scale"}, {"r"});
  model.node("MatMul", {"r", "w"}, {"y"});
  EXPECT_EQ(ops(*model.import()), "DequantizeLinear MatMul");
}

TEST(dequantize, scales_that_do_not_fit_are_an_error_of_the_op) {
  EXPECT_NE(error_of(Coded("MatMul", {5}).model).find("(DequantizeLinear)"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
