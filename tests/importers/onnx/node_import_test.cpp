// Names of values and nodes made on the way: importers/onnx/node_import.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(node_import, values_keep_the_names_of_the_file_and_helpers_get_new_ones) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("Neg", {"x"}, {"y/Equal"});
  model.node("IsNaN", {"y/Equal"}, {"y"}).named("check");
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  ASSERT_EQ(ops(*graph), "Neg Equal Not");
  auto name = [&](size_t i) {
    const ir::Node& node = (*graph)[graph->order()[i]];
    return (*graph)[node.outputs[0]].name;
  };
  EXPECT_EQ(name(0), "y/Equal");
  EXPECT_EQ(name(1), "y/Equal_2");
  EXPECT_EQ(name(2), "y");
  EXPECT_EQ((*graph)[graph->order()[1]].name, "check");
}

TEST(node_import, a_node_without_a_name_is_called_by_its_output) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("y");
  model.node("Neg", {"x"}, {"y"});
  EXPECT_EQ(output_node(*model.import()).name, "y");
}

}  // namespace
}  // namespace weft::onnx
