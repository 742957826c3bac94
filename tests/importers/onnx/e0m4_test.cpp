// DequantizeE0M4, and 4-bit codes whose last block is short: importers/onnx/dequantize.cpp and
// quantized.cpp.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

constexpr int UINT4 = 21;

// y = `reader`(DequantizeE0M4(codes [4, 2, 16] of 24 columns)), each pair of codes 0xA3, with a
// local function of that name, whose body says something else.
ModelBuilder coded(const std::string& reader, float zero) {
  ModelBuilder model(23);
  model.set_opset("weft", 1);
  model.raw("codes", UINT4, {4, 2, 16}, std::vector<uint8_t>(64, 0xA3));
  model.floats("scale", {4, 2}, 0.5f);
  model.floats("zero", {4, 2}, zero);
  model.input("x", FLOAT, {"s", 4}).input("ids", INT64, {"s"}).output("y");
  NodeBuilder node = model.node("DequantizeE0M4", {"codes", "scale", "zero"}, {"w"});
  node.set("columns", 24).set("to", FLOAT);
  node.proto.set_domain("weft");
  if (reader == "MatMul") model.node(reader, {"x", "w"}, {"y"});
  if (reader == "Gather") model.node(reader, {"w", "ids"}, {"y"});
  if (reader == "Neg") model.node(reader, {"w"}, {"y"});
  auto& function = *model.proto.add_functions();
  function.set_domain("weft");
  function.set_name("DequantizeE0M4");
  for (const char* name : {"codes", "scale", "zero"}) function.add_input(name);
  function.add_output("zero");
  return model;
}

const ir::Value& weight(const ir::Graph& graph) {
  const ir::Node& node = output_node(graph);
  return graph[node.inputs[node.op == ir::Op::MatMul ? 1 : 0]];
}

float first_float(const ir::Graph& graph, ir::ValueId id) {
  float value;
  std::memcpy(&value, graph[id].constant->bytes.data(), sizeof value);
  return value;
}

TEST(e0m4, the_name_is_the_format_and_the_body_is_not_read) {
  for (const char* reader : {"MatMul", "Gather"}) {
    auto graph = coded(reader, 7.5f).import();
    ASSERT_TRUE(graph.ok()) << error_of(graph);
    EXPECT_EQ(ops(*graph), reader);
    const ir::Value& value = weight(*graph);
    ASSERT_TRUE(value.quantization);
    EXPECT_EQ(value.quantization->storage, ir::DType::e0m4);
    EXPECT_EQ(value.quantization->block, 16);
    EXPECT_EQ(ir::str(value.type), "f32[4, 24]");
    EXPECT_EQ(first_float(*graph, value.quantization->zero_point), 23.5f);
    EXPECT_EQ(first_float(*graph, value.quantization->scale), 0.5f);
  }
}

TEST(e0m4, a_zero_point_that_e0m4_has_not_leaves_4_bit_codes) {
  auto graph = coded("MatMul", 1.0f / 3).import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(weight(*graph).quantization->storage, ir::DType::u4);
  EXPECT_EQ(first_float(*graph, weight(*graph).quantization->zero_point), 1.0f / 3);
}

TEST(e0m4, other_readers_get_floats) {
  auto graph = coded("Neg", 7.5f).import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Neg");
  const ir::Value& value = weight(*graph);
  EXPECT_FALSE(value.quantization);
  ASSERT_EQ(value.constant->bytes.size(), 4 * 24 * sizeof(float));
  EXPECT_EQ(first_float(*graph, output_node(*graph).inputs[0]), (3 - 7.5f) * 0.5f);
}

TEST(e0m4, columns_beyond_the_blocks_are_refused) {
  for (const int64_t columns : {int64_t{0}, int64_t{16}, int64_t{33}, int64_t{1} << 40}) {
    ModelBuilder model = coded("MatMul", 7.5f);
    model.graph().mutable_node(0)->mutable_attribute(0)->set_i(columns);
    EXPECT_NE(error_of(model).find("DequantizeE0M4"), std::string::npos) << columns;
  }
}

TEST(e0m4, a_short_last_block_of_a_dequantize_linear_is_padded) {
  ModelBuilder model(21);
  model.raw("codes", UINT4, {4, 24}, std::vector<uint8_t>(48, 0xA3));
  model.floats("scale", {4, 2}, 0.5f);
  model.input("ids", INT64, {"s"}).output("y");
  model.node("DequantizeLinear", {"codes", "scale"}, {"w"}).set("axis", 1).set("block_size", 16);
  model.node("Gather", {"w", "ids"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Gather");
  const ir::Value& value = weight(*graph);
  ASSERT_EQ(value.constant->bytes.size(), 64u);  // 4 rows of 2 blocks of 8 bytes
  for (size_t i = 0; i < 64; i++)
    EXPECT_EQ(value.constant->bytes[i], std::byte(i % 16 < 12 ? 0xA3 : 0)) << i;
}

}  // namespace
}  // namespace weft::onnx
