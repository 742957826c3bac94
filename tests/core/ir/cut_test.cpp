// A part of a graph is a graph that says the same of its nodes, with numbers for sizes.
#include "core/ir/cut.h"

#include <gtest/gtest.h>

#include "core/ir/text.h"
#include "core/ir/verify.h"

namespace weft::ir {
namespace {

constexpr const char* kGraph = R"(graph "g" {
  symbol past in [0, 7]
  symbol seq in [1, 4]
  input %x : f32[1, seq, 4]
  state %cache : f32[1, 8, 4]
  const %w : f32[4] = {1, 2, 3, 4}
  symbolic %position : i64[1] is {past}
  %k = Mul(%x, %w) : f32[1, seq, 4] in %cache at 4*past "scale"
  %all = TensorScatter(%cache, %k, %position) {axis = 1} : f32[1, 8, 4] in %cache at 0 "write"
  %a = Neg(%all) : f32[1, 8, 4] "neg"
  %b = Exp(%a) : f32[1, 8, 4] "exp"
  output "y" = %b
}
)";

const sym::Bindings kSizes = {{"seq", 2}, {"past", 3}};

Graph whole() {
  auto graph = parse(kGraph);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
  return std::move(*graph);
}

// The nodes at these places of the order.
Cut cut_nodes(const Graph& graph, size_t first, size_t count) {
  auto made = cut(graph, std::span(graph.order()).subspan(first, count), kSizes);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  EXPECT_TRUE(verify(made->graph).ok());
  return std::move(*made);
}

TEST(Cut, gives_one_node_its_inputs_and_all_its_outputs) {
  const Graph graph = whole();
  const Cut part = cut_nodes(graph, 0, 1);
  EXPECT_EQ(print(part.graph), R"(graph "g" {
  input %x : f32[1, 2, 4]
  const %w : f32[4] = {1.0, 2.0, 3.0, 4.0}
  %k = Mul(%x, %w) : f32[1, 2, 4] "scale"
  output "k" = %k
}
)");
  EXPECT_EQ(part.inputs, std::vector<ValueId>{graph.inputs[0]});
  EXPECT_EQ(part.outputs, graph[graph.order()[0]].outputs);
}

TEST(Cut, makes_inputs_of_states_and_numbers_of_symbols) {
  const Graph graph = whole();
  EXPECT_EQ(print(cut_nodes(graph, 1, 1).graph), R"(graph "g" {
  input %cache : f32[1, 8, 4]
  input %k : f32[1, 2, 4]
  symbolic %position : i64[1] is {3}
  %all = TensorScatter(%cache, %k, %position) {axis = 1} : f32[1, 8, 4] "write"
  output "all" = %all
}
)");
}

TEST(Cut, keeps_what_only_its_own_nodes_read_inside) {
  const Graph graph = whole();
  const Cut part = cut_nodes(graph, 2, 2);
  ASSERT_EQ(part.graph.outputs.size(), 1u);
  EXPECT_EQ(part.graph.outputs[0].name, "b");
  EXPECT_EQ(part.graph.inputs.size(), 1u);
}

TEST(Cut, says_which_size_it_does_not_know) {
  const Graph graph = whole();
  const auto made = cut(graph, graph.order(), {{"past", 1}});
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message.find("seq"), std::string::npos);
}

}  // namespace
}  // namespace weft::ir
