// Attention as ONNX Runtime's optimizer writes it: importers/onnx/fused_attention.cpp. What it
// computes is in node_cases_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(fused_attention, over_projections_it_is_attention) {
  ModelBuilder model;
  for (const char* name : {"q", "k", "v"}) model.input(name, FLOAT, {"b", "s", 64});
  model.output("y");
  model.contrib("MultiHeadAttention", {"q", "k", "v"}, {"y"}).set("num_heads", 4);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Attention");
  EXPECT_EQ(output_node(*graph).attrs.integer("is_causal", 7), 0);
}

// Attention with its projection over x [b, s, 8] and two heads.
struct Packed {
  ModelBuilder model;
  NodeBuilder node;
  explicit Packed(const std::vector<std::string>& inputs = {"x", "w", "bias"},
                  const std::vector<std::string>& outputs = {"y"})
      : node(model.contrib("Attention", inputs, outputs).set("num_heads", 2).named("a")) {
    model.input("x", FLOAT, {"b", "s", 8}).output("y");
    model.floats("w", {8, 24});
    model.floats("bias", {24});
  }
};

TEST(fused_attention, with_its_projection_it_is_a_product_and_attention) {
  auto graph = Packed().model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "MatMul Add Split Attention");
  EXPECT_EQ(output_type(*graph), "f32[b, s, 8]");
}

TEST(fused_attention, a_past_of_both_is_taken_apart_and_the_present_put_together) {
  Packed packed({"x", "w", "bias", "", "past"}, {"y", "present"});
  packed.model.input("past", FLOAT, {2, "b", 2, "p", 4}).output("present");
  auto graph = packed.model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph, 1), "f32[2, b, 2, p + s, 4]");
}

TEST(fused_attention, a_mask_of_another_form_is_refused) {
  Packed packed({"x", "w", "bias", "mask"});
  packed.model.input("mask", INT32, {"b", 1, "s", "s"});
  EXPECT_NE(error_of(packed.model).find("[batch, keys] and [batch, queries, keys] are supported"),
            std::string::npos)
      << error_of(packed.model);
}

TEST(fused_attention, what_it_cannot_become_is_refused_by_name) {
  Packed rotary;
  rotary.node.set("do_rotary", 1);
  EXPECT_EQ(error_of(rotary.model),
            "node 'a' (Attention): rotary embedding inside the op is not supported");
  Packed shared;
  shared.node.set("past_present_share_buffer", 1);
  EXPECT_NE(error_of(shared.model).find("shared between past and present"), std::string::npos);
  Packed sizes;
  sizes.node.set("qkv_hidden_sizes", std::vector<int64_t>{8, 8});
  EXPECT_NE(error_of(sizes.model).find("needs three sizes"), std::string::npos);
}

TEST(fused_attention, packed_projections_need_five_dims) {
  ModelBuilder model;
  model.input("qkv", FLOAT, {"b", "s", 96}).output("y");
  model.contrib("MultiHeadAttention", {"qkv"}, {"y"}).set("num_heads", 4);
  EXPECT_NE(error_of(model).find("[batch, sequence, heads, 3, head size] is expected"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
