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

}  // namespace
}  // namespace weft::onnx
