#include "importers/onnx/op_table.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// One node of `op` from x [2, 3] to y.
std::string refusal(const std::string& op, const std::string& domain = "") {
  ModelBuilder model(21);
  model.input("x", FLOAT, {2, 3}).output("y");
  model.node(op, {"x"}, {"y"}, domain).named("n");
  return error_of(model);
}

TEST(op_table, an_unknown_op_names_node_op_domain_and_opset) {
  EXPECT_TRUE(refusal("FancyOp").starts_with(
      "node 'n' (FancyOp): op 'FancyOp' of domain ai.onnx (opset 21) is not supported"))
      << refusal("FancyOp");
}

TEST(op_table, control_flow_and_sequences_are_refused_by_name) {
  for (const char* op : {"If", "Loop", "Scan"})
    EXPECT_NE(refusal(op).find("control flow is not supported"), std::string::npos) << op;
  EXPECT_NE(refusal("SequenceAt").find("sequences"), std::string::npos);
}

TEST(op_table, an_op_known_in_another_domain_says_so) {
  EXPECT_NE(refusal("MatMulNBits").find("in domain com.microsoft"), std::string::npos);
}

TEST(op_table, the_default_domain_has_two_spellings) { EXPECT_EQ(refusal("Neg", "ai.onnx"), ""); }

TEST(op_table, an_attribute_nobody_knows_refuses_the_node) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("Neg", {"x"}, {"y"}).set("sideways", 1);
  EXPECT_NE(error_of(model).find("attribute 'sideways' is not supported"), std::string::npos);
}

TEST(op_table, an_attribute_of_the_wrong_type_is_refused) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("Softmax", {"x"}, {"y"}).set("axis", 1.0f);
  EXPECT_NE(error_of(model).find("another type"), std::string::npos);
}

TEST(op_table, a_wrong_number_of_inputs_is_refused) {
  ModelBuilder few;
  few.input("x", FLOAT, {2}).output("y");
  few.node("Add", {"x"}, {"y"});
  EXPECT_NE(error_of(few).find("at least 2 inputs"), std::string::npos);
  ModelBuilder many;
  many.input("x", FLOAT, {2}).output("y");
  many.node("Neg", {"x", "x"}, {"y"});
  EXPECT_NE(error_of(many).find("at most 1 inputs"), std::string::npos);
}

TEST(op_table, a_required_input_may_not_be_empty) {
  for (const char* op : {"Add", "CastLike", "GatherND"}) {
    ModelBuilder model;
    model.input("x", FLOAT, {2}).output("y");
    model.node(op, {"x", ""}, {"y"});
    EXPECT_NE(error_of(model).find("input 1 is required, but empty"), std::string::npos) << op;
  }
  ModelBuilder rotary;
  rotary.input("x", FLOAT, {"b", "s", 64}).output("y");
  rotary.contrib("RotaryEmbedding", {"x", "", "", ""}, {"y"});
  EXPECT_NE(error_of(rotary).find("input 1 is required"), std::string::npos);
  ModelBuilder gqa;
  gqa.input("x", FLOAT, {"b", "s", 64}).output("y");
  gqa.contrib("GroupQueryAttention", {"x"}, {"y"}).set("num_heads", 2).set("kv_num_heads", 1);
  EXPECT_EQ(error_of(gqa), "");
}

TEST(op_table, an_output_that_is_not_made_is_refused) {
  ModelBuilder model;
  model.input("x", FLOAT, {2, 3}).output("y");
  model.floats("w", {3});
  model.contrib("SkipSimplifiedLayerNormalization", {"x", "x", "w"}, {"y", "mean"});
  EXPECT_NE(error_of(model).find("output 1 'mean' is not supported"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
