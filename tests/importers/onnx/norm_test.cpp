// Spellings of normalizations become ours: importers/onnx/norm.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

ModelBuilder skip(const std::string& op, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs) {
  ModelBuilder model;
  model.input("x", FLOAT, {"b", "s", 8}).input("r", FLOAT, {"b", "s", 8}).output("y");
  for (const char* name : {"gamma", "beta", "bias"}) model.floats(name, {8});
  model.contrib(op, inputs, outputs).set("epsilon", 0.25f).named("n");
  if (outputs.size() > 3) model.output(outputs[3]);
  return model;
}

TEST(norm, simplified_layer_normalization_is_rms_normalization_in_both_domains) {
  for (const char* domain : {"", "com.microsoft"}) {
    ModelBuilder model;
    model.input("x", FLOAT, {"s", 8}).output("y");
    model.floats("w", {8});
    model.node("SimplifiedLayerNormalization", {"x", "w"}, {"y"}, domain)
        .set("epsilon", 0.5f)
        .set("axis", -1)
        .set("stash_type", 1);
    auto graph = model.import();
    ASSERT_TRUE(graph.ok()) << error_of(graph);
    EXPECT_EQ(ops(*graph), "RMSNormalization");
    EXPECT_EQ(output_node(*graph).attrs.real("epsilon", 0), 0.5);
  }
}

TEST(norm, a_weight_for_each_head_is_a_product_after_the_norm) {
  for (const char* op : {"RMSNormalization", "SimplifiedLayerNormalization"}) {
    ModelBuilder model(23);
    model.input("x", FLOAT, {"s", 4, 8}).output("y");
    model.floats("w", {4, 8});
    model.node(op, {"x", "w"}, {"y"}).set("epsilon", 0.5f).set("axis", -1);
    auto graph = model.import();
    ASSERT_TRUE(graph.ok()) << error_of(graph);
    EXPECT_EQ(ops(*graph), "Expand RMSNormalization Mul");
    EXPECT_EQ(output_type(*graph), "f32[s, 4, 8]");
  }
  ModelBuilder model;
  model.input("x", FLOAT, {"s", 4, 8}).output("y");
  model.floats("w", {4, 8});
  model.floats("b", {4, 8});
  model.node("LayerNormalization", {"x", "w", "b"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Expand LayerNormalization Mul Add");
}

TEST(norm, a_skip_normalization_is_a_sum_and_a_norm) {
  auto model = skip("SkipSimplifiedLayerNormalization", {"x", "r", "gamma"}, {"y", "", "", "sum"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Add RMSNormalization");
  EXPECT_EQ(output_node(*graph, 1).op, ir::Op::Add);
  EXPECT_EQ((*graph)[graph->outputs[1].value].name, "sum");
  EXPECT_EQ(output_node(*graph).attrs.real("epsilon", 0), 0.25);
}

TEST(norm, a_skip_bias_is_added_to_the_residual) {
  auto graph =
      skip("SkipSimplifiedLayerNormalization", {"x", "r", "gamma", "bias"}, {"y"}).import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Add Add RMSNormalization");
}

TEST(norm, skip_layer_normalization_keeps_beta_and_bias_apart) {
  auto graph =
      skip("SkipLayerNormalization", {"x", "r", "gamma", "beta", "bias"}, {"y", "", "", "s"})
          .import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Add Add LayerNormalization");
  EXPECT_EQ(output_node(*graph).inputs.size(), 3u);
  EXPECT_EQ((*graph)[output_node(*graph).inputs[2]].name, "beta");
}

TEST(norm, an_old_softmax_flattens_what_follows_its_axis) {
  ModelBuilder model(11);
  model.input("x", FLOAT, {"b", 3, 4}).output("y");
  model.node("Softmax", {"x"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(count(*graph, ir::Op::Flatten), 1u);
  EXPECT_EQ(output_node(*graph).op, ir::Op::Reshape);
  EXPECT_EQ(output_type(*graph), "f32[b, 3, 4]");
}

TEST(norm, an_old_softmax_over_the_last_axis_is_the_new_one) {
  ModelBuilder model(11);
  model.input("x", FLOAT, {"b", 4}).output("y");
  model.node("Softmax", {"x"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Softmax");
  EXPECT_EQ(output_node(*graph).attrs.integer("axis", 7), 1);
}

TEST(norm, log_softmax_is_a_logarithm_of_softmax) {
  ModelBuilder model;
  model.input("x", FLOAT, {"b", 4}).output("y");
  model.node("LogSoftmax", {"x"}, {"y"});
  EXPECT_EQ(ops(*model.import()), "Softmax Log");
}

}  // namespace
}  // namespace weft::onnx
