// EmbedLayerNormalization: importers/onnx/embedding.cpp. What it computes is in
// node_cases_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

ModelBuilder embedding(const std::vector<std::string>& inputs) {
  ModelBuilder model;
  model.input("ids", INT32, {"b", "s"}).input("segments", INT32, {"b", "s"}).output("y");
  model.floats("words", {10, 8});
  model.floats("positions", {6, 8});
  model.floats("gamma", {8});
  model.contrib("EmbedLayerNormalization", inputs, {"y"});
  return model;
}

TEST(embedding, words_and_positions_are_added_and_normalized) {
  auto graph = embedding({"ids", "", "words", "positions", "", "gamma", "gamma"}).import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_node(*graph).op, ir::Op::LayerNormalization);
  EXPECT_EQ(output_type(*graph), "f32[b, s, 8]");
}

TEST(embedding, segments_without_their_table_are_refused) {
  auto model = embedding({"ids", "segments", "words", "positions", "", "gamma", "gamma"});
  EXPECT_NE(error_of(model).find("segment_ids and segment_embedding come together"),
            std::string::npos);
  EXPECT_NE(error_of(embedding({"ids"})).find("input 2 is missing"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
