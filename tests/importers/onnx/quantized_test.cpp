// Block-quantized weights: importers/onnx/quantized.cpp, the ops in matmul.cpp and gather.cpp.
#include "importers/onnx/quantized.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

using ir::DType;

// y [s, 3] = x [s, 40] * w, K = 40 (2 blocks of 32, the second padded), N = 3.
struct NBits {
  ModelBuilder model;
  NodeBuilder node;
  int64_t blob;

  explicit NBits(int64_t bits = 4, std::vector<std::string> inputs = {"x", "w", "scale"})
      : node(model.contrib("MatMulNBits", inputs, {"y"})), blob(32 * bits / 8) {
    model.input("x", FLOAT, {"s", 40}).output("y");
    model.raw("w", UINT8, {3, 2, blob}, std::vector<uint8_t>(size_t(6 * blob), 0x21));
    model.floats("scale", {6});
    node.set("K", 40).set("N", 3).set("bits", bits).set("block_size", 32).set("accuracy_level", 4);
  }
};

const ir::Value& weight(const ir::Graph& graph) { return graph[output_node(graph).inputs[1]]; }

TEST(quantized, a_product_gets_a_column_major_constant_of_the_real_type) {
  auto graph = NBits().model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "MatMul");
  const ir::Value& w = weight(*graph);
  EXPECT_EQ(ir::str(w.type), "f32[40, 3]");
  EXPECT_TRUE(w.column_major);
  ASSERT_TRUE(w.quantization);
  EXPECT_EQ(w.quantization->storage, DType::u4);
  EXPECT_EQ(w.quantization->block, 32);
  EXPECT_EQ(w.quantization->zero, 8);
  EXPECT_EQ(ir::str((*graph)[w.quantization->scale].type), "f32[3, 2]");
  EXPECT_EQ(w.constant->bytes.size(), 96u);
}

TEST(quantized, eight_bit_codes_have_their_zero_at_128) {
  auto graph = NBits(8).model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(weight(*graph).quantization->storage, DType::u8);
  EXPECT_EQ(weight(*graph).quantization->zero, 128);
}

TEST(quantized, packed_zero_points_become_bytes) {
  NBits made(4, {"x", "w", "scale", "zero"});
  made.model.raw<uint8_t>("zero", UINT8, {3}, {0x21, 0x43, 0x65});
  auto graph = made.model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  const ir::Value& zero = (*graph)[weight(*graph).quantization->zero_point];
  EXPECT_EQ(ir::str(zero.type), "u8[3, 2]");
  std::vector<uint8_t> bytes;
  for (std::byte b : zero.constant->bytes) bytes.push_back(uint8_t(b));
  EXPECT_EQ(bytes, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6}));
}

TEST(quantized, rows_of_packed_zero_points_start_on_bytes) {
  ModelBuilder model;
  model.input("x", FLOAT, {"s", 32}).output("y");
  model.raw("w", UINT8, {2, 1, 16}, std::vector<uint8_t>(32));
  model.floats("scale", {2});
  model.raw<uint8_t>("zero", UINT8, {2}, {0x05, 0x07});
  model.contrib("MatMulNBits", {"x", "w", "scale", "zero"}, {"y"})
      .set("K", 32)
      .set("N", 2)
      .set("block_size", 32);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  auto bytes = (*graph)[weight(*graph).quantization->zero_point].constant->bytes;
  EXPECT_EQ(bytes[0], std::byte{5});
  EXPECT_EQ(bytes[1], std::byte{7});
}

TEST(quantized, float_zero_points_stay_floats) {
  NBits made(4, {"x", "w", "scale", "zero"});
  made.model.floats("zero", {3, 2}, 7.5f);
  auto graph = made.model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ir::str((*graph)[weight(*graph).quantization->zero_point].type), "f32[3, 2]");
}

TEST(quantized, a_bias_is_added_and_a_trivial_group_index_passes) {
  NBits made(4, {"x", "w", "scale", "", "groups", "bias"});
  std::vector<int32_t> groups(40);
  for (size_t i = 32; i < 40; i++) groups[i] = 1;
  made.model.raw("groups", INT32, {40}, groups);
  made.model.floats("bias", {3});
  EXPECT_EQ(ops(*made.model.import()), "MatMul Add");
  groups[0] = 1;
  made.model.graph().mutable_initializer(2)->set_raw_data(groups.data(), 160);
  EXPECT_NE(error_of(made.model).find("act-order"), std::string::npos);
}

TEST(quantized, sizes_that_do_not_fit_are_refused) {
  NBits packed;
  packed.model.graph().mutable_initializer(0)->set_dims(0, 2);
  packed.model.graph().mutable_initializer(0)->mutable_raw_data()->resize(64);
  EXPECT_NE(error_of(packed.model).find("has 64 bytes, 96 are expected"), std::string::npos);
  NBits block;
  block.node.proto.mutable_attribute(3)->set_i(33);
  EXPECT_NE(error_of(block.model).find("not a power of two"), std::string::npos);
  NBits huge;
  huge.node.proto.mutable_attribute(1)->set_i(INT64_MAX);
  EXPECT_NE(error_of(huge.model), "");
  NBits bits;
  bits.node.proto.mutable_attribute(2)->set_i(3);
  EXPECT_NE(error_of(bits.model).find("3-bit weights are not supported"), std::string::npos);
}

TEST(quantized, a_computed_weight_is_refused) {
  ModelBuilder model;
  model.input("x", FLOAT, {"s", 32}).input("w", UINT8, {2, 1, 16}).output("y");
  model.floats("scale", {2});
  model.contrib("MatMulNBits", {"x", "w", "scale"}, {"y"}).set("K", 32).set("N", 2);
  EXPECT_NE(error_of(model).find("must be a constant"), std::string::npos);
}

// An embedding [4, 64] and the head [64, 4] made from one packed tensor, as exporters tie them.
ModelBuilder tied() {
  ModelBuilder model;
  model.input("ids", INT64, {"s"}).output("y");
  model.raw("w", UINT8, {4, 2, 16}, std::vector<uint8_t>(128, 0x98));
  model.floats("scale", {4, 2});
  model.integers("flat", {4, 32});
  model.node("Reshape", {"w", "flat"}, {"table"});
  model.contrib("GatherBlockQuantized", {"table", "ids", "scale"}, {"rows"})
      .set("block_size", 32)
      .set("gather_axis", 0)
      .set("quantize_axis", 1);
  model.contrib("MatMulNBits", {"rows", "w", "scale"}, {"y"})
      .set("K", 64)
      .set("N", 4)
      .set("block_size", 32);
  return model;
}

TEST(quantized, a_tied_embedding_and_head_share_their_bytes) {
  auto graph = tied().import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Gather MatMul");
  const ir::Value& table = (*graph)[(*graph)[graph->order()[0]].inputs[0]];
  const ir::Value& head = weight(*graph);
  EXPECT_EQ(ir::str(table.type), "f32[4, 64]");
  EXPECT_FALSE(table.column_major);
  EXPECT_EQ(table.constant, head.constant);
  EXPECT_EQ(output_type(*graph), "f32[s, 4]");
}

TEST(quantized, a_gather_along_another_axis_is_refused) {
  ModelBuilder model = tied();
  model.graph().mutable_node(1)->mutable_attribute(1)->set_i(1);
  EXPECT_NE(error_of(model).find("only rows"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
