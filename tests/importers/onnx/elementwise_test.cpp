// Activations and other elementwise spellings: importers/onnx/elementwise.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// y = op(x [2, 4], bias [4] where `biased`) in com.microsoft.
Result<ir::Graph> contrib(const std::string& op, bool biased) {
  ModelBuilder model;
  model.input("x", FLOAT, {2, 4}).output("y");
  model.floats("bias", {4});
  std::vector<std::string> inputs{"x"};
  if (biased) inputs.push_back("bias");
  model.contrib(op, inputs, {"y"});
  return model.import();
}

TEST(elementwise, gelus_keep_their_approximation) {
  EXPECT_EQ(ops(*contrib("Gelu", false)), "Gelu");
  EXPECT_EQ(output_node(*contrib("Gelu", false)).attrs.text("approximate", "none"), "none");
  EXPECT_EQ(ops(*contrib("FastGelu", false)), "Gelu");
  EXPECT_EQ(output_node(*contrib("FastGelu", true)).attrs.text("approximate", ""), "tanh");
  EXPECT_EQ(ops(*contrib("FastGelu", true)), "Add Gelu");
  EXPECT_EQ(ops(*contrib("BiasGelu", true)), "Add Gelu");
}

TEST(elementwise, quick_gelu_is_a_swish_with_its_alpha) {
  auto graph = contrib("QuickGelu", false);
  EXPECT_EQ(ops(*graph), "Swish");
  EXPECT_NEAR(output_node(*graph).attrs.real("alpha", 0), 1.702, 1e-6);
}

TEST(elementwise, a_power_takes_one_type) {
  for (const int type : {FLOAT, INT32}) {
    ModelBuilder model;
    model.input("x", FLOAT, {2}).input("n", type, {2}).output("y");
    model.node("Pow", {"x", "n"}, {"y"});
    EXPECT_EQ(ops(*model.import()), type == FLOAT ? "Pow" : "Cast Pow");
  }
}

TEST(elementwise, is_nan_is_inequality_with_itself) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("IsNaN", {"x"}, {"y"});
  auto graph = model.import();
  EXPECT_EQ(ops(*graph), "Equal Not");
  EXPECT_EQ(output_type(*graph), "bool[2]");
}

TEST(elementwise, a_sum_of_many_is_a_chain) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("Sum", {"x", "x", "x"}, {"y"});
  EXPECT_EQ(ops(*model.import()), "Add Add");
}

TEST(elementwise, dropout_is_identity_unless_it_trains) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.raw<uint8_t>("train", BOOL, {}, {0});
  model.floats("ratio", {});
  model.node("Dropout", {"x", "ratio", "train"}, {"y"});
  EXPECT_EQ(ops(*model.import()), "Identity");
  model.graph().mutable_initializer(0)->set_raw_data("\x01");
  EXPECT_NE(error_of(model).find("training_mode"), std::string::npos);
}

TEST(elementwise, old_clip_bounds_become_inputs) {
  ModelBuilder model(6);
  model.input("x", FLOAT, {2}).output("y");
  model.node("Clip", {"x"}, {"y"}).set("max", 6.0f);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  const ir::Node& clip = output_node(*graph);
  ASSERT_EQ(clip.inputs.size(), 3u);
  EXPECT_EQ(clip.inputs[1], ir::ValueId::none);
  float high = 0;
  std::memcpy(&high, (*graph)[clip.inputs[2]].constant->bytes.data(), sizeof high);
  EXPECT_EQ(high, 6.0f);
}

TEST(elementwise, a_cast_to_an_unsupported_type_names_it) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("Cast", {"x"}, {"y"}).set("to", 17);
  EXPECT_NE(error_of(model).find("FLOAT8E4M3FN"), std::string::npos);
}

TEST(elementwise, cast_like_takes_the_type_of_its_second_input) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).input("t", INT32, {1}).output("y");
  model.node("CastLike", {"x", "t"}, {"y"});
  EXPECT_EQ(output_type(*model.import()), "i32[2]");
}

}  // namespace
}  // namespace weft::onnx
