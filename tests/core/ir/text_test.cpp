// The text form prints what a graph is, reads back, and names the line that is wrong.
#include "core/ir/text.h"

#include <gtest/gtest.h>

#include "core/ir/verify.h"

namespace weft::ir {
namespace {

constexpr const char* kGraph = R"(graph "tiny" {
  symbol past in [0, 63]
  symbol seq in [1, inf]
  input %ids : i64[1, seq]
  state %cache : f32[1, 64, 32]
  const %s : f32[2, 1] = {0.5, -0.25}
  const %w : f32[8, 2] columns quant(u4, block 8, scale %s, zero 8.0) = bytes 8 id )"
                               R"(00112233445566778899aabbccddeeff
  symbolic %position : i64[1] is {past}
  const %axes : i64[1] = {-1}
  %x = TensorScatter(%cache, %w, %position) : f32[1, 64, 2] in %cache at 32*past "proj"
  %a, _ = Split(%x, %axes) {axis = -1, names = [1, 2], real = 2.0, "text" = 1} : f32[1, 64, 1], _
  output "logits" = %x
}
)";

std::string good_graph() {
  std::string text = kGraph;
  const size_t at = text.find(", \"text\" = 1");
  return text.erase(at, 12);
}

TEST(Text, prints_what_it_read) {
  const auto graph = parse(good_graph());
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_EQ(print(*graph), [] {
    std::string expected = good_graph();
    return expected.replace(expected.find("bytes 8"), 7, "bytes 0");
  }());
  const auto again = parse(print(*graph));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(print(*again), print(*graph));
}

TEST(Text, keeps_every_digit_of_a_real) {
  const auto graph = parse(
      "graph \"g\" {\n  const %c : f32[1] = {0.100000001490116}\n  %y = Neg(%c) "
      "{epsilon = 9.999999747378752e-06} : f32[1]\n  output \"y\" = %y\n}\n");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  const Node& node = (*graph)[graph->order()[0]];
  EXPECT_EQ(node.attrs.real("epsilon", 0), 9.999999747378752e-06);
  EXPECT_EQ(print(*parse(print(*graph))), print(*graph));
}

TEST(Text, errors_name_the_line) {
  const auto message = [](const std::string& text) { return parse(text).error().message; };
  EXPECT_EQ(message(kGraph).substr(0, 7), "line 11");
  EXPECT_NE(message("graph \"g\" {\n  %y = Foo(%x) : f32[]\n}\n").find("unknown op 'Foo'"),
            std::string::npos);
  EXPECT_NE(message("graph \"g\" {\n  %y = Neg(%x) : f32[]\n}\n").find("%x is used before"),
            std::string::npos);
  EXPECT_NE(message("graph \"g\" {\n  input %x : f33[2]\n}\n").find("f33"), std::string::npos);
  EXPECT_NE(message("graph \"g\" {\n").find("ends before"), std::string::npos);
}

TEST(Text, any_prefix_reads_or_fails_but_never_crashes) {
  const std::string text = good_graph();
  for (size_t n = 0; n < text.size(); ++n) {
    const auto graph = parse(text.substr(0, n));
    EXPECT_TRUE(graph.ok() || !graph.error().message.empty());
  }
}

TEST(Verify, finds_values_used_before_they_exist) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2}});
  const ValueId y = graph.add(Op::Neg, {x});
  graph[y].type = {DType::f32, {2}};
  const ValueId z = graph.add(Op::Neg, {y});
  graph[z].type = {DType::f32, {2}};
  graph.outputs.push_back({"z", z});
  EXPECT_TRUE(verify(graph).ok());
  graph[graph.order()[0]].inputs[0] = z;
  EXPECT_NE(verify(graph).error().message.find("before it is computed"), std::string::npos);
  EXPECT_NE(graph.collect_and_sort().error().message.find("cycle"), std::string::npos);
}

TEST(Graph, collects_what_no_output_needs_and_sorts_the_rest) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2}});
  const ValueId a = graph.add(Op::Neg, {x});
  const ValueId dead = graph.add(Op::Abs, {x});
  const ValueId b = graph.add(Op::Exp, {x});
  graph[graph.order()[0]].inputs[0] = b;  // a now reads b, which is added later
  graph.outputs.push_back({"a", a});
  ASSERT_TRUE(graph.collect_and_sort().ok());
  ASSERT_EQ(graph.order().size(), 2u);
  EXPECT_EQ(graph[graph.order()[0]].op, Op::Exp);
  EXPECT_EQ(graph[graph.order()[1]].op, Op::Neg);
  EXPECT_TRUE(graph.producer(dead)->dead);
}

}  // namespace
}  // namespace weft::ir
