// GatherND as a Gather: importers/onnx/gather.cpp. GatherBlockQuantized is in quantized_test.cpp.
#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(gather, coordinates_become_positions_in_flattened_data) {
  ModelBuilder model;
  model.input("mask", BOOL, {"b", "t", 3}).input("at", INT64, {"b", "s", 2}).output("y");
  model.node("GatherND", {"mask", "at"}, {"y"}).set("batch_dims", 0);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph), "bool[b, s, 3]");
  EXPECT_EQ(output_node(*graph).op, ir::Op::Gather);
}

TEST(gather, coordinates_deeper_than_the_data_are_refused) {
  ModelBuilder model;
  model.input("mask", BOOL, {"b", "t"}).input("at", INT64, {"s", 3}).output("y");
  model.node("GatherND", {"mask", "at"}, {"y"});
  EXPECT_NE(error_of(model).find("must be from 1 to the 2 dims"), std::string::npos);
}

}  // namespace
}  // namespace weft::onnx
