// Attention in its spellings: importers/onnx/attention.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// GroupQueryAttention over packed q, k, v: 4 query heads, 2 key/value heads of 16.
struct Gqa {
  ModelBuilder model;
  NodeBuilder node;

  explicit Gqa(const std::vector<std::string>& inputs = {"qkv", "", "", "past_k", "past_v", "lens",
                                                         "total", "cos", "sin"})
      : node(build(inputs)) {}
  NodeBuilder build(const std::vector<std::string>& inputs) {
    model.input("qkv", FLOAT, {"b", "s", 128}).input("attention_mask", INT64, {"b", "t"});
    for (const char* name : {"past_k", "past_v"}) model.input(name, FLOAT, {"b", 2, "p", "d"});
    model.input("lens", INT32, {"b"}).input("total", INT32, {});
    model.floats("cos", {64, 8});
    model.floats("sin", {64, 8});
    model.output("y").output("k", FLOAT, {"b", 2, "t", "d"}).output("v");
    return model.contrib("GroupQueryAttention", inputs, {"y", "k", "v"})
        .set("num_heads", 4)
        .set("kv_num_heads", 2)
        .set("do_rotary", 1)
        .named("gqa");
  }
  Result<ir::Graph> import() { return model.import(); }
};

TEST(attention, packed_queries_are_split_turned_and_attended) {
  auto graph = Gqa().import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Split RotaryEmbedding RotaryEmbedding Attention");
  const ir::Node& node = output_node(*graph);
  EXPECT_EQ(node.attrs.integer("q_num_heads", 0), 4);
  EXPECT_EQ(node.attrs.integer("kv_num_heads", 0), 2);
  EXPECT_EQ(node.attrs.integer("is_causal", 0), 1);
  EXPECT_FALSE(node.attrs.has("scale"));
  EXPECT_FALSE(node.attrs.has("left_window_size"));
  EXPECT_EQ(output_type(*graph), "f32[b, s, 64]");
}

TEST(attention, an_open_head_size_and_total_follow_from_the_heads) {
  auto graph = Gqa().import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ir::str((*graph)[graph->inputs[2]].type), "f32[b, 2, p, 16]");
  EXPECT_EQ((*graph)[graph->inputs[1]].type.shape[1],
            sym::Dim::symbol("p") + sym::Dim::symbol("s"));
}

TEST(attention, scale_softcap_and_window_are_carried_over) {
  Gqa gqa;
  gqa.node.set("scale", 0.5f).set("softcap", 50.0f).set("local_window_size", 4);
  auto graph = gqa.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  const ir::Node& node = output_node(*graph);
  EXPECT_EQ(node.attrs.real("scale", 0), 0.5);
  EXPECT_EQ(node.attrs.real("softcap", 0), 50);
  EXPECT_EQ(node.attrs.integer("left_window_size", -1), 3);
}

TEST(attention, one_position_input_serves_every_layer) {
  Gqa gqa;
  gqa.model
      .contrib("GroupQueryAttention",
               {"qkv", "", "", "past_k", "past_v", "lens", "total", "cos", "sin"}, {"y2"})
      .set("num_heads", 4)
      .set("kv_num_heads", 2)
      .set("do_rotary", 1);
  gqa.model.output("y2");
  auto graph = gqa.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  size_t found = 0;
  for (ir::ValueId id : graph->inputs) found += (*graph)[id].name == "position_ids";
  EXPECT_EQ(found, 1u);
}

TEST(attention, position_ids_of_the_node_are_used) {
  Gqa gqa({"qkv", "", "", "past_k", "past_v", "lens", "total", "cos", "sin", "pos"});
  gqa.model.input("pos", INT64, {"b", "s"});
  auto graph = gqa.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ((*graph)[graph->inputs.back()].name, "pos");
}

TEST(attention, without_rotary_no_positions_are_needed) {
  Gqa gqa;
  gqa.node.proto.mutable_attribute(2)->set_i(0);
  auto graph = gqa.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Split Attention");
  EXPECT_EQ((*graph)[graph->inputs.back()].name, "total");
}

TEST(attention, lengths_that_come_from_elsewhere_are_noted) {
  std::vector<std::string> notes;
  ASSERT_TRUE(Gqa().model.import(&notes).ok());
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_NE(notes[0].find("seqlens_k does not come from an attention mask"), std::string::npos);
}

TEST(attention, a_cache_of_a_windows_size_grows_like_the_others) {
  Gqa gqa;
  gqa.node.set("local_window_size", 4).set("sliding_window_cache", 1);
  gqa.model.input("k2", FLOAT, {"b", 2, "p2", 16}).input("v2", FLOAT, {"b", 2, "p2", 16});
  gqa.model.contrib("GroupQueryAttention", {"qkv", "", "", "k2", "v2", "lens", "total"}, {"y2"})
      .set("num_heads", 4)
      .set("kv_num_heads", 2);
  gqa.model.output("y2");
  auto graph = gqa.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ir::str((*graph)[graph->inputs[2]].type), "f32[b, 2, p2, 16]");
}

TEST(attention, a_sink_makes_it_a_sink_attention) {
  Gqa sinks({"qkv", "", "", "past_k", "past_v", "lens", "total", "cos", "sin", "", "", "sinks"});
  sinks.model.floats("sinks", {4});
  auto graph = sinks.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Split RotaryEmbedding RotaryEmbedding SinkAttention");
  EXPECT_EQ((*graph)[output_node(*graph).inputs[7]].name, "sinks");
  Gqa smooth;
  smooth.node.set("smooth_softmax", 1);
  graph = smooth.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ir::str((*graph)[output_node(*graph).inputs[7]].type), "f32[4]");
  Gqa wrong({"qkv", "", "", "past_k", "past_v", "lens", "total", "cos", "sin", "", "", "sinks"});
  wrong.model.floats("sinks", {3});
  EXPECT_EQ(error_of(wrong.import()),
            "node 'gqa' (GroupQueryAttention): SinkAttention: sinks are [3], expected [4]");
}

TEST(attention, norms_of_query_and_key_come_before_the_rotation) {
  Gqa gqa({"qkv", "", "", "past_k", "past_v", "lens", "total", "cos", "sin", "", "", "", "", "",
           "norm", "norm"});
  gqa.model.floats("norm", {16});
  auto graph = gqa.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(count(*graph, ir::Op::RMSNormalization), 2u);
  EXPECT_EQ(graph->producer(output_node(*graph).inputs[0])->op, ir::Op::RotaryEmbedding);
}

TEST(attention, what_attention_cannot_say_is_refused_by_name) {
  Gqa quantized;
  quantized.node.set("k_quant_type", "PER_TENSOR");
  EXPECT_EQ(
      error_of(quantized.import()),
      "node 'gqa' (GroupQueryAttention): k_quant_type PER_TENSOR is not supported; export the "
      "model with a float cache");
  Gqa scores;
  scores.node.set("qk_output", 1);
  EXPECT_NE(error_of(scores.import()).find("raw scores"), std::string::npos);
}

TEST(attention, heads_that_do_not_divide_are_refused) {
  Gqa gqa;
  gqa.node.proto.mutable_attribute(1)->set_i(3);
  EXPECT_NE(error_of(gqa.import()).find("not a multiple of kv_num_heads 3"), std::string::npos);
  Gqa none;
  none.node.proto.mutable_attribute(1)->set_i(0);
  EXPECT_NE(error_of(none.import()), "");
}

TEST(attention, contrib_rotary_embedding_reorders_its_inputs_and_finds_its_heads) {
  ModelBuilder model;
  model.input("x", FLOAT, {"b", "s", 64}).input("pos", INT64, {"b", "s"}).output("y");
  model.floats("cos", {32, 8});
  model.floats("sin", {32, 8});
  model.contrib("RotaryEmbedding", {"x", "pos", "cos", "sin"}, {"y"}).set("num_heads", 0);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  const ir::Node& node = output_node(*graph);
  EXPECT_EQ((*graph)[node.inputs[3]].name, "pos");
  EXPECT_EQ(node.attrs.integer("num_heads", 0), 4);
}

}  // namespace
}  // namespace weft::onnx
