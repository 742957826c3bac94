// Constants and ops that move elements, over opsets: importers/onnx/shape.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

// One node over x [2, 1, 4] at `opset`; `build` adds it.
template <typename Build>
Result<ir::Graph> over_x(int opset, Build build) {
  ModelBuilder model(opset);
  model.input("x", FLOAT, {2, 1, 4}).output("y");
  build(model);
  return model.import();
}

std::string type_of(const Result<ir::Graph>& graph) {
  return graph.ok() ? output_type(*graph) : error_of(graph);
}

TEST(shape, axes_of_squeeze_are_an_attribute_or_an_input) {
  EXPECT_EQ(
      type_of(over_x(11,
                     [](ModelBuilder& model) {
                       model.node("Squeeze", {"x"}, {"y"}).set("axes", std::vector<int64_t>{1});
                     })),
      "f32[2, 4]");
  EXPECT_EQ(type_of(over_x(13,
                           [](ModelBuilder& model) {
                             model.integers("axes", {0});
                             model.node("Unsqueeze", {"x", "axes"}, {"y"});
                           })),
            "f32[1, 2, 1, 4]");
}

TEST(shape, slices_of_old_opsets_have_attributes) {
  EXPECT_EQ(type_of(over_x(9,
                           [](ModelBuilder& model) {
                             model.node("Slice", {"x"}, {"y"})
                                 .set("axes", std::vector<int64_t>{2})
                                 .set("starts", std::vector<int64_t>{1})
                                 .set("ends", std::vector<int64_t>{INT64_MAX});
                           })),
            "f32[2, 1, 3]");
}

TEST(shape, splits_are_by_lengths_by_count_or_by_outputs) {
  auto by_attribute = over_x(11, [](ModelBuilder& model) {
    model.node("Split", {"x"}, {"y", "z"}).set("axis", 2).set("split", std::vector<int64_t>{1, 3});
  });
  EXPECT_EQ(type_of(by_attribute), "f32[2, 1, 1]");
  auto by_outputs = over_x(13, [](ModelBuilder& model) {
    model.node("Split", {"x"}, {"y", "z"}).set("axis", 2);
  });
  EXPECT_EQ(type_of(by_outputs), "f32[2, 1, 2]");
  auto by_count = over_x(18, [](ModelBuilder& model) {
    model.node("Split", {"x"}, {"y", ""}).set("axis", 2).set("num_outputs", 2);
  });
  EXPECT_EQ(type_of(by_count), "f32[2, 1, 2]");
}

TEST(shape, a_reshape_of_a_constant_is_no_node) {
  ModelBuilder model;
  model.output("y");
  model.floats("w", {2, 6});
  model.integers("to", {0, -1, 3});
  model.node("Reshape", {"w", "to"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_TRUE(graph->order().empty());
  EXPECT_EQ(output_type(*graph), "f32[2, 2, 3]");
}

TEST(shape, a_reshape_that_does_not_fit_is_refused) {
  for (const auto& to : {std::vector<int64_t>{5, -1}, {-1, -1}, {-2}, {7}, {0, 0, 0}}) {
    ModelBuilder model;
    model.output("y");
    model.floats("w", {2, 6});
    model.integers("to", to);
    model.node("Reshape", {"w", "to"}, {"y"}).named("r");
    EXPECT_TRUE(error_of(model).starts_with("node 'r' (Reshape): ")) << to[0];
  }
}

TEST(shape, a_symbolic_reshape_keeps_its_meaning_of_zero) {
  auto graph = over_x(14, [](ModelBuilder& model) {
    model.integers("to", {0, -1});
    model.node("Reshape", {"x", "to"}, {"y"});
  });
  EXPECT_EQ(type_of(graph), "f32[2, 4]");
}

TEST(shape, constants_come_in_every_form) {
  ModelBuilder model;
  model.output("i").output("is").output("f").output("t");
  model.node("Constant", {}, {"i"}).set("value_int", 7);
  model.node("Constant", {}, {"is"}).set("value_ints", std::vector<int64_t>{1, 2});
  model.node("Constant", {}, {"f"}).set("value_float", 0.5f);
  ModelBuilder::fill(model.node("Constant", {}, {"t"}).tensor("value"), "", INT32, {2},
                     std::vector<int32_t>{3, 4});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph, 0), "i64[]");
  EXPECT_EQ(output_type(*graph, 1), "i64[2]");
  EXPECT_EQ(output_type(*graph, 2), "f32[]");
  EXPECT_EQ(output_type(*graph, 3), "i32[2]");
  EXPECT_EQ((*graph)[graph->outputs[3].value].contents->at(1), sym::Dim(4));
}

TEST(shape, pads_are_an_attribute_or_an_input) {
  EXPECT_EQ(type_of(over_x(2,
                           [](ModelBuilder& model) {
                             model.node("Pad", {"x"}, {"y"})
                                 .set("pads", std::vector<int64_t>{0, 1, 2, 0, 0, 3})
                                 .set("value", 1.0f);
                           })),
            "f32[2, 2, 9]");
  EXPECT_EQ(
      type_of(over_x(18,
                     [](ModelBuilder& model) {
                       model.integers("pads", {1, 2});
                       model.integers("axes", {-1});
                       model.node("Pad", {"x", "pads", "", "axes"}, {"y"}).set("mode", "edge");
                     })),
      "f32[2, 1, 7]");
  auto odd = over_x(13, [](ModelBuilder& model) {
    model.integers("pads", {1, 2});
    model.node("Pad", {"x", "pads"}, {"y"}).named("p");
  });
  EXPECT_EQ(error_of(odd), "node 'p' (Pad): Pad: pads has 2 elements, 3 axes need 6");
}

TEST(shape, a_scatter_of_old_opsets_is_one_of_elements) {
  auto graph = over_x(9, [](ModelBuilder& model) {
    model.raw<int64_t>("at", INT64, {1, 1, 1}, {0});
    model.floats("with", {1, 1, 1});
    model.node("Scatter", {"x", "at", "with"}, {"y"}).set("axis", 2);
  });
  EXPECT_EQ(ops(*graph), "ScatterElements");
}

TEST(shape, a_constant_without_a_value_is_refused) {
  ModelBuilder model;
  model.output("y");
  model.node("Constant", {}, {"y"});
  EXPECT_NE(error_of(model).find("none of the attributes"), std::string::npos);
}

TEST(shape, constant_of_shape_carries_its_value_as_a_number) {
  ModelBuilder model;
  model.output("y");
  model.integers("s", {2, 2});
  ModelBuilder::fill(model.node("ConstantOfShape", {"s"}, {"y"}).tensor("value"), "", INT64, {1},
                     std::vector<int64_t>{-1});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph), "i64[2, 2]");
  EXPECT_EQ((*graph)[graph->outputs[0].value].contents->at(3), sym::Dim(-1));
}

TEST(shape, shapes_of_inputs_are_followed_through_arithmetic) {
  ModelBuilder model;
  model.input("x", FLOAT, {"b", "s", 4}).output("y");
  model.integers("four", {4}).clear_dims();
  model.integers("minus", {-1});
  model.node("Shape", {"x"}, {"batch"}).set("start", 0).set("end", 1);
  model.node("Concat", {"batch", "minus"}, {"to"}).set("axis", 0);
  model.node("Reshape", {"x", "to"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph), "f32[b, 4*s]");
}

}  // namespace
}  // namespace weft::onnx
