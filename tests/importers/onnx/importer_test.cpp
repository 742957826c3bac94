#include "importers/onnx/importer.h"

#include <gtest/gtest.h>

#include "tests/importers/onnx/model_builder.h"

namespace weft::onnx {
namespace {

TEST(importer, an_unused_input_stays_in_its_place) {
  ModelBuilder model;
  model.input("a", FLOAT, {1}).input("unused", INT64, {"n"}).input("b", FLOAT, {1}).output("y");
  model.node("Add", {"a", "b"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  ASSERT_EQ(graph->inputs.size(), 3u);
  EXPECT_EQ((*graph)[graph->inputs[1]].name, "unused");
}

TEST(importer, nodes_no_output_needs_are_dropped) {
  ModelBuilder model;
  model.input("x", FLOAT, {1}).output("y");
  model.node("Neg", {"x"}, {"y"});
  model.node("Relu", {"x"}, {"nobody"});
  EXPECT_EQ(ops(*model.import()), "Neg");
}

TEST(importer, an_input_with_an_initializer_is_a_constant) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).input("w", FLOAT, {2}).output("y");
  model.floats("w", {2});
  model.node("Add", {"x", "w"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(graph->inputs.size(), 1u);
}

TEST(importer, an_output_can_be_an_input_or_a_weight) {
  ModelBuilder model;
  model.input("x", FLOAT, {2}).output("x").output("w");
  model.floats("w", {3});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(output_type(*graph, 0), "f32[2]");
  EXPECT_EQ(output_type(*graph, 1), "f32[3]");
}

TEST(importer, a_declared_symbol_stands_for_what_is_computed) {
  ModelBuilder model;
  model.input("mask", INT64, {"total"}).input("a", FLOAT, {"past"}).input("b", FLOAT, {"seq"});
  model.output("y", FLOAT, {"total"});
  model.node("Concat", {"a", "b"}, {"y"}).set("axis", 0);
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ((*graph)[graph->inputs[0]].type.shape[0],
            sym::Dim::symbol("past") + sym::Dim::symbol("seq"));
}

TEST(importer, a_symbol_is_not_replaced_by_another_symbol_or_number) {
  ModelBuilder model;
  model.input("x", FLOAT, {"seq"}).input("z", FLOAT, {"batch"}).output("y", FLOAT, {"batch"});
  model.node("Neg", {"x"}, {"y"});
  auto graph = model.import();
  ASSERT_TRUE(graph.ok()) << error_of(graph);
  EXPECT_EQ(ir::str((*graph)[graph->inputs[1]].type), "f32[batch]");
}

TEST(importer, declarations_that_contradict_the_nodes_are_refused) {
  auto with_output = [](int dtype, const TestDims& dims) {
    ModelBuilder model;
    model.input("x", FLOAT, {2, 3}).output("y", dtype, dims);
    model.node("Neg", {"x"}, {"y"});
    return error_of(model);
  };
  EXPECT_EQ(with_output(FLOAT, {2, 4}),
            "graph output 'y' is declared with dim 1 = 4, but the nodes compute f32[2, 3]");
  EXPECT_EQ(with_output(FLOAT, {2}),
            "graph output 'y' is declared with 1 dims, but the nodes compute f32[2, 3]");
  EXPECT_EQ(with_output(INT64, {2, 3}),
            "graph output 'y' is declared as i64, but the nodes compute f32[2, 3]");
}

TEST(importer, a_graph_needs_outputs_that_exist) {
  ModelBuilder none;
  none.input("x", FLOAT, {1});
  none.node("Neg", {"x"}, {"y"});
  EXPECT_EQ(error_of(none), "the graph has no outputs");
  ModelBuilder ghost;
  ghost.input("x", FLOAT, {1}).output("ghost");
  ghost.node("Neg", {"x"}, {"y"});
  EXPECT_EQ(error_of(ghost), "graph output 'ghost' is computed by no node");
}

TEST(importer, a_shape_that_does_not_fit_names_node_and_op) {
  ModelBuilder model;
  model.input("a", FLOAT, {2, 3}).input("b", FLOAT, {4, 5}).output("y");
  model.node("MatMul", {"a", "b"}, {"y"}).named("mm");
  EXPECT_TRUE(error_of(model).starts_with("node 'mm' (MatMul): ")) << error_of(model);
}

}  // namespace
}  // namespace weft::onnx
