// Patterns match expressions however they are grouped and ordered, and nothing else.
#include "core/passes/pattern.h"

#include <gtest/gtest.h>

#include "core/ir/text.h"
#include "core/ops/infer_graph.h"

namespace weft::passes {
namespace {

using ir::Op;

constexpr size_t kX = 0, kFactor = 1;

struct Expression {
  explicit Expression(const std::string& body) {
    auto parsed = ir::parse(
        "graph \"g\" {\n  input %x : f32[4]\n  input %z : f32[4]\n"
        "  const %two : f32[] = {2.0}\n  const %three : f32[1] = {3.0}\n" +
        body + "  output \"y\" = %y\n}\n");
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    graph = std::move(*parsed);
    EXPECT_TRUE(ops::infer_types(graph).ok());
  }
  bool matches(const Pattern& pattern) { return match(graph.outputs[0].value, pattern); }

  ir::Graph graph;
  Match match{graph};
};

TEST(Pattern, finds_factors_in_any_grouping) {
  const Pattern cube_times_two = product({any(kX), any(kX), any(kX), number(2)});
  EXPECT_TRUE(Expression("  %a = Mul(%x, %x) : f32[4]\n  %b = Mul(%two, %x) : f32[4]\n"
                         "  %y = Mul(%a, %b) : f32[4]\n")
                  .matches(cube_times_two));
  EXPECT_TRUE(Expression("  %a = Mul(%x, %x) : f32[4]\n  %b = Mul(%a, %x) : f32[4]\n"
                         "  %y = Mul(%b, %two) : f32[4]\n")
                  .matches(cube_times_two));
  EXPECT_FALSE(Expression("  %a = Mul(%x, %x) : f32[4]\n  %b = Mul(%a, %z) : f32[4]\n"
                          "  %y = Mul(%b, %two) : f32[4]\n")
                   .matches(cube_times_two));
}

TEST(Pattern, gives_back_slots_when_an_alternative_fails) {
  // The first order binds x to the wrong side before it fails.
  Expression sum("  %n = Neg(%x) : f32[4]\n  %y = Add(%n, %x) : f32[4]\n");
  EXPECT_TRUE(sum.matches(op(Op::Add, {any(kX), op(Op::Neg, {any(kX)})})));
  EXPECT_EQ(sum.graph[sum.match[kX]].name, "x");
}

TEST(Pattern, commutes_only_what_commutes) {
  Expression difference("  %y = Sub(%two, %x) : f32[4]\n");
  EXPECT_FALSE(difference.matches(op(Op::Sub, {any(kX), number(2)})));
  EXPECT_TRUE(difference.matches(op(Op::Sub, {number(2), any(kX)})));
}

TEST(Pattern, reads_numbers_of_any_rank) {
  Expression scaled("  %y = Mul(%x, %three) : f32[4]\n");
  ASSERT_TRUE(scaled.matches(op(Op::Mul, {scalar_in(kFactor), any(kX)})));
  EXPECT_EQ(scaled.match.number(kFactor), 3);
  EXPECT_FALSE(scaled.matches(op(Op::Mul, {number(2), any(kX)})));
}

TEST(Pattern, wants_no_more_inputs_than_it_names) {
  Expression clipped("  %y = Clip(%x, %two) : f32[4]\n");
  EXPECT_FALSE(clipped.matches(op(Op::Clip, {any(kX)})));
  EXPECT_TRUE(clipped.matches(op(Op::Clip, {any(kX), number(2)})));
}

}  // namespace
}  // namespace weft::passes
