// Where elements come from, through every op that moves them.
#include "core/passes/movement.h"

#include <gtest/gtest.h>

#include "core/ir/text.h"
#include "core/ops/infer_graph.h"

namespace weft::passes {
namespace {

// The last place of the trail of the output "y", as "value[index, ...]".
std::string source_of(const std::string& body) {
  auto graph = ir::parse("graph \"g\" {\n  symbol past in [0, 63]\n  symbol seq in [1, 16]\n" +
                         body + "  output \"y\" = %y\n}\n");
  if (!graph.ok()) return graph.error().message;
  if (const auto typed = ops::infer_types(*graph); !typed.ok()) return typed.error().message;
  Movement movement(*graph);
  const ir::ValueId y = graph->outputs[0].value;
  const Place last = movement.trail({y, movement.indices(y)}).back();
  return (*graph)[last.value].name + sym::str(last.index);
}

TEST(Movement, follows_heads_split_from_rows) {
  EXPECT_EQ(source_of("  input %x : f32[1, seq, 8]\n"
                      "  symbolic %shape : i64[4] is {1, seq, 2, 4}\n"
                      "  %h = Reshape(%x, %shape) : f32[1, seq, 2, 4]\n"
                      "  %y = Transpose(%h) {perm = [0, 2, 1, 3]} : f32[1, 2, seq, 4]\n"),
            "x[0, @2, 4*@1 + @3]");
}

TEST(Movement, joins_what_was_split) {
  EXPECT_EQ(source_of("  input %x : f32[1, seq, 8]\n"
                      "  symbolic %apart : i64[4] is {1, seq, 2, 4}\n"
                      "  symbolic %rows : i64[3] is {1, seq, 8}\n"
                      "  %h = Reshape(%x, %apart) : f32[1, seq, 2, 4]\n"
                      "  %y = Reshape(%h, %rows) : f32[1, seq, 8]\n"),
            "x[0, @1, @2]");
}

TEST(Movement, divides_the_index_of_repeated_heads) {
  EXPECT_EQ(source_of("  input %x : f32[1, 2, past, 4]\n"
                      "  const %axis : i64[1] = {2}\n"
                      "  symbolic %wide : i64[5] is {1, 2, 3, past, 4}\n"
                      "  symbolic %heads : i64[4] is {1, 6, past, 4}\n"
                      "  %a = Unsqueeze(%x, %axis) : f32[1, 2, 1, past, 4]\n"
                      "  %b = Expand(%a, %wide) : f32[1, 2, 3, past, 4]\n"
                      "  %y = Reshape(%b, %heads) : f32[1, 6, past, 4]\n"),
            "x[0, floordiv(@1, 3), @2, @3]");
}

TEST(Movement, shifts_through_slices_and_splits) {
  EXPECT_EQ(source_of("  input %x : f32[1, seq, 8]\n"
                      "  const %from : i64[1] = {-3}\n"
                      "  const %to : i64[1] = {9223372036854775807}\n"
                      "  const %axis : i64[1] = {2}\n"
                      "  %y = Slice(%x, %from, %to, %axis) : f32[1, seq, 3]\n"),
            "x[0, @1, @2 + 5]");
  EXPECT_EQ(source_of("  input %x : f32[1, seq, 8]\n"
                      "  %a, %y = Split(%x) {axis = -1, num_outputs = 2} : f32[1, seq, 4], "
                      "f32[1, seq, 4]\n"),
            "x[0, @1, @2 + 4]");
}

TEST(Movement, stops_where_a_concat_depends_on_the_index) {
  const std::string joined =
      "  input %a : f32[1, past, 4]\n"
      "  input %b : f32[1, seq, 4]\n"
      "  %c = Concat(%a, %b) {axis = 1} : f32[1, past + seq, 4]\n";
  EXPECT_EQ(source_of(joined + "  %y = Identity(%c) : f32[1, past + seq, 4]\n"), "c[0, @1, @2]");
  // From position `past` on it is the second part.
  EXPECT_EQ(source_of(joined + "  symbolic %from : i64[1] is {past}\n"
                               "  symbolic %to : i64[1] is {past + seq}\n"
                               "  const %axis : i64[1] = {1}\n"
                               "  %y = Slice(%c, %from, %to, %axis) : f32[1, seq, 4]\n"),
            "b[0, @1, @2]");
}

TEST(Movement, stops_at_what_computes) {
  EXPECT_EQ(source_of("  input %x : f32[1, seq, 8]\n"
                      "  %a = Neg(%x) : f32[1, seq, 8]\n"
                      "  %y = Transpose(%a) {perm = [0, 2, 1]} : f32[1, 8, seq]\n"),
            "a[0, @2, @1]");
}

}  // namespace
}  // namespace weft::passes
