// Tensors from sizes and positions: importers/onnx/generators.cpp. What the ops compute is in
// node_cases_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(generators, a_one_hot_compares_with_its_positions) {
  ModelBuilder model;
  model.input("x", INT64, {"s"}).output("y");
  model.integers("depth", {5});
  model.raw<float>("values", FLOAT, {2}, {0, 1});
  model.node("OneHot", {"x", "depth", "values"}, {"y"}).set("axis", 0);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph), "f32[5, s]");
  model.graph().mutable_node(0)->mutable_attribute(0)->set_i(2);
  EXPECT_NE(error_of(model).find("axis 2 is outside the 2 dims"), std::string::npos);
}

TEST(generators, places_in_a_constant_are_a_constant) {
  ModelBuilder model;
  model.output("y");
  model.raw<float>("x", FLOAT, {2, 2}, {0, -0.0f, 3, 4});
  model.node("NonZero", {"x"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_TRUE(graph->order().empty());
  EXPECT_EQ(output_type(*graph), "i64[2, 2]");
  EXPECT_EQ(sym::str(*(*graph)[graph->outputs[0].value].contents), "[1, 1, 0, 1]");
}

TEST(generators, a_vector_filled_with_ones_has_all_its_places) {
  ModelBuilder model;
  model.input("x", FLOAT, {"s"}).output("y");
  model.node("Shape", {"x"}, {"shape"});
  ModelBuilder::fill(model.node("ConstantOfShape", {"shape"}, {"ones"}).tensor("value"), "", INT64,
                     {1}, std::vector<int64_t>{1});
  model.node("NonZero", {"ones"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph), "i64[1, s]");
}

TEST(generators, places_in_computed_data_are_refused) {
  ModelBuilder model;
  model.input("x", FLOAT, {"s", 4}).output("y");
  model.node("NonZero", {"x"}, {"y"}).named("n");
  EXPECT_NE(error_of(model).find("is known at run time only"), std::string::npos)
      << error_of(model);
}

TEST(generators, a_diagonal_needs_a_matrix) {
  ModelBuilder model;
  model.input("x", FLOAT, {"s"}).output("y");
  model.node("EyeLike", {"x"}, {"y"});
  EXPECT_NE(error_of(model).find("a matrix is needed"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
