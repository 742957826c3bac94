#include "core/ops/infer_graph.h"

#include <gtest/gtest.h>

namespace weft::ops {
namespace {

using ir::DType;
using ir::Op;
using ir::ValueId;

sym::Dim dim(const char* name) { return sym::Dim::symbol(name); }

TEST(infer_graph, types_every_value_from_the_inputs) {
  ir::Graph graph;
  ValueId x = graph.add_input("x", {DType::f32, {dim("s"), 4}});
  ValueId y = graph.add(Op::Neg, {x});
  ValueId shape = graph.add(Op::Shape, {y});
  graph.outputs.push_back({"shape", shape});
  ASSERT_TRUE(infer_types(graph).ok());
  EXPECT_EQ(ir::str(graph[y].type), "f32[s, 4]");
  ASSERT_TRUE(graph[shape].contents);
  EXPECT_EQ(graph[shape].contents->at(0), dim("s"));
}

TEST(infer_graph, runs_again_after_an_input_changes) {
  ir::Graph graph;
  ValueId x = graph.add_input("x", {DType::f32, {dim("s"), 4}});
  ValueId y = graph.add(Op::Neg, {x});
  ASSERT_TRUE(infer_types(graph).ok());
  graph[x].type.shape = {7};
  ASSERT_TRUE(infer_types(graph).ok());
  EXPECT_EQ(ir::str(graph[y].type), "f32[7]");
}

TEST(infer_graph, small_integer_constants_carry_their_elements) {
  ir::Graph graph;
  std::vector<std::byte> bytes(8, std::byte{0});
  bytes[4] = std::byte{9};
  ValueId c = graph.add_constant("c", {DType::i32, {2}}, ir::make_constant(bytes));
  ValueId f = graph.add_constant("f", {DType::f32, {2}}, ir::make_constant(bytes));
  ASSERT_TRUE(infer_types(graph).ok());
  ASSERT_TRUE(graph[c].contents);
  EXPECT_EQ(graph[c].contents->at(1), sym::Dim(9));
  EXPECT_FALSE(graph[f].contents);
}

TEST(infer_graph, errors_name_the_node_and_its_op) {
  ir::Graph graph;
  ValueId a = graph.add_input("a", {DType::f32, {2, 3}});
  ValueId b = graph.add_input("b", {DType::f32, {4, 5}});
  graph.add(Op::MatMul, {a, b}, {}, "product");
  Status status = infer_types(graph);
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(status.error().message.starts_with("node 'product' (MatMul): "))
      << status.error().message;
}

TEST(infer_graph, a_size_no_machine_holds_is_refused) {
  ir::Graph graph;
  constexpr int64_t large = int64_t{1} << 40;
  ValueId a = graph.add_input("a", {DType::f32, {large, 1}});
  ValueId b = graph.add_input("b", {DType::f32, {1, large}});
  graph.add(Op::Add, {a, b});
  Status status = infer_types(graph);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("more elements than any machine holds"), std::string::npos);
}

}  // namespace
}  // namespace weft::ops
