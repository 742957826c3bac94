// Reductions over opsets: importers/onnx/reduce.cpp.
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

TEST(reduce, axes_are_an_attribute_or_an_input) {
  EXPECT_EQ(
      type_of(over_x(11,
                     [](ModelBuilder& model) {
                       model.node("ReduceMean", {"x"}, {"y"}).set("axes", std::vector<int64_t>{-1});
                     })),
      "f32[2, 1, 1]");
  EXPECT_EQ(type_of(over_x(18,
                           [](ModelBuilder& model) {
                             model.integers("axes", {2});
                             model.node("ReduceMax", {"x", "axes"}, {"y"}).set("keepdims", 0);
                           })),
            "f32[2, 1]");
}

TEST(reduce, the_l2_norm_is_the_root_of_the_sum_of_squares) {
  auto graph = over_x(11, [](ModelBuilder& model) { model.node("ReduceL2", {"x"}, {"y"}); });
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Mul ReduceSum Sqrt");
}

TEST(reduce, the_place_of_an_extreme_is_where_top_k_finds_it) {
  auto first = over_x(13, [](ModelBuilder& model) {
    model.node("ArgMax", {"x"}, {"y"}).set("axis", 2).set("keepdims", 0);
  });
  ASSERT_TRUE(first.ok()) << error_of(first);
  EXPECT_EQ(ops(*first), "TopK Squeeze");
  EXPECT_EQ(type_of(first), "i64[2, 1]");
  auto last = over_x(13, [](ModelBuilder& model) {
    model.node("ArgMin", {"x"}, {"y"}).set("axis", -1).set("select_last_index", 1);
  });
  EXPECT_EQ(type_of(last), "i64[2, 1, 1]");
  auto outside =
      over_x(13, [](ModelBuilder& model) { model.node("ArgMax", {"x"}, {"y"}).set("axis", 3); });
  EXPECT_NE(error_of(outside).find("axis 3 is outside the 3 dims"), std::string::npos);
}

TEST(reduce, k_of_an_old_top_k_is_an_attribute) {
  auto old = over_x(9, [](ModelBuilder& model) {
    model.node("TopK", {"x"}, {"y", "at"}).set("k", 3).set("axis", 2);
    model.output("at");
  });
  ASSERT_TRUE(old.ok()) << error_of(old);
  EXPECT_EQ(type_of(old), "f32[2, 1, 3]");
  EXPECT_EQ(output_type(*old, 1), "i64[2, 1, 3]");
  auto none = over_x(11, [](ModelBuilder& model) { model.node("TopK", {"x"}, {"y"}); });
  EXPECT_NE(error_of(none).find("k is missing"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
