#include "importers/onnx/order.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(order, nodes_are_sorted_when_the_file_is_not) {
  ModelBuilder model;
  model.input("x", FLOAT, {1}).output("z");
  model.node("Neg", {"y"}, {"z"});
  model.node("Relu", {"x"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ops(*graph), "Relu Neg");
}

TEST(order, a_cycle_is_named_by_a_node_in_it) {
  ModelBuilder model;
  model.input("x", FLOAT, {1}).output("y");
  model.node("Add", {"x", "z"}, {"y"}).named("first");
  model.node("Neg", {"y"}, {"z"});
  EXPECT_EQ(error_of(model), "node 'first' (Add) waits for its own result: the graph has a cycle");
}

TEST(order, a_name_nothing_defines_is_reported) {
  ModelBuilder model;
  model.input("x", FLOAT, {1}).output("y");
  model.node("Add", {"x", "ghost"}, {"y"}).named("add");
  EXPECT_EQ(error_of(model),
            "node 'add' (Add) reads 'ghost', which no node, input or initializer defines");
}

TEST(order, a_value_defined_twice_names_both_nodes) {
  ModelBuilder model;
  model.input("x", FLOAT, {1}).output("y");
  model.node("Neg", {"x"}, {"y"}).named("a");
  model.node("Relu", {"x"}, {"y"}).named("b");
  EXPECT_EQ(error_of(model),
            "value 'y' is defined twice, by node 'a' (Neg) and by node 'b' (Relu)");
}

TEST(order, inputs_and_initializers_are_defined_once) {
  ModelBuilder twice;
  twice.input("x", FLOAT, {1}).input("x", FLOAT, {1}).output("y");
  twice.node("Neg", {"x"}, {"y"});
  EXPECT_EQ(error_of(twice), "two graph inputs are named 'x'");
  ModelBuilder shadowed;
  shadowed.input("x", FLOAT, {1}).output("x");
  shadowed.node("Neg", {"x"}, {"x"}).named("n");
  EXPECT_EQ(error_of(shadowed),
            "value 'x' is defined twice, by an input or initializer and by node 'n' (Neg)");
}

}  // namespace
}  // namespace weft::onnx
