// What elements of masks and positions are, in the spellings of several exporters.
#include "core/passes/elements.h"

#include <gtest/gtest.h>

#include "core/ir/text.h"
#include "core/ops/infer_graph.h"

namespace weft::passes {
namespace {

std::string str(const Condition& condition) {
  if (condition.never) return "never";
  if (condition.all.empty()) return "always";
  std::string text;
  for (const sym::Dim& dim : condition.all)
    text += (text.empty() ? "" : " and ") + dim.str() + " >= 0";
  return text;
}

std::string str(const Element& element) {
  if (const auto* number = std::get_if<sym::Dim>(&element)) return number->str();
  if (const auto* condition = std::get_if<Condition>(&element)) return str(*condition);
  const auto* choice = std::get_if<Choice>(&element);
  if (!choice) return "unknown";
  if (choice->when.always()) return std::to_string(choice->yes);
  return std::to_string(choice->yes) + " where " + str(choice->when);
}

// The element of the output "y" at symbolic indices.
std::string element_of(const std::string& body, bool in_session = true) {
  auto graph = ir::parse(
      "graph \"g\" {\n  symbol past in [0, 63]\n  symbol seq in [1, 16]\n"
      "  input %attention_mask : i64[1, past + seq]\n  input %position_ids : i64[1, seq]\n"
      "  const %zero : i64[] = {0}\n  const %one : i64[] = {1}\n  const %first : i64[1] = {0}\n"
      "  const %last : i64[1] = {-1}\n"
      "  symbolic %total : i64[] is {past + seq}\n  symbolic %new : i64[] is {seq}\n"
      "  symbolic %before : i64[] is {past}\n"
      "  %keys = Range(%zero, %total, %one) : i64[past + seq]\n"
      "  %queries = Unsqueeze(%position_ids, %last) : i64[1, seq, 1]\n" +
      body + "  output \"y\" = %y\n}\n");
  if (!graph.ok()) return graph.error().message;
  if (const auto typed = ops::infer_types(*graph); !typed.ok()) return typed.error().message;
  Elements elements(*graph, in_session);
  const ir::ValueId y = graph->outputs[0].value;
  return str(elements.at({y, elements.movement().indices(y)}));
}

TEST(Elements, are_expressions_of_their_indices) {
  EXPECT_EQ(element_of("  %y = Add(%keys, %before) : i64[past + seq]\n"), "@0 + past");
  EXPECT_EQ(element_of("  %y = Mul(%queries, %one) : i64[1, seq, 1]\n"), "@1 + past");
  EXPECT_EQ(element_of("  %y = Sub(%queries, %keys) : i64[1, seq, past + seq]\n"),
            "@1 - @2 + past");
}

TEST(Elements, of_comparisons_are_inequalities) {
  EXPECT_EQ(element_of("  %y = LessOrEqual(%keys, %queries) : bool[1, seq, past + seq]\n"),
            "@1 - @2 + past >= 0");
  EXPECT_EQ(element_of("  %a = Greater(%keys, %queries) : bool[1, seq, past + seq]\n"
                       "  %y = Not(%a) : bool[1, seq, past + seq]\n"),
            "@1 - @2 + past >= 0");
  EXPECT_EQ(element_of("  %y = GreaterOrEqual(%keys, %zero) : bool[past + seq]\n"), "always");
  EXPECT_EQ(element_of("  %y = Less(%keys, %zero) : bool[past + seq]\n"), "never");
}

TEST(Elements, of_an_or_are_inequalities_where_one_is_enough) {
  const std::string two =
      "  %a = Greater(%keys, %queries) : bool[1, seq, past + seq]\n"
      "  %b = Less(%keys, %zero) : bool[past + seq]\n";
  EXPECT_EQ(element_of(two + "  %y = Or(%a, %b) : bool[1, seq, past + seq]\n"),
            "-@1 + @2 - past - 1 >= 0");
}

TEST(Elements, of_the_attention_mask_are_ones) {
  EXPECT_EQ(element_of("  %y = Cast(%attention_mask) {to = 9} : bool[1, past + seq]\n"), "always");
  // Even at an index nobody knows.
  EXPECT_EQ(element_of("  %a = Cast(%attention_mask) {to = 9} : bool[1, past + seq]\n"
                       "  %b = Mul(%keys, %keys) : i64[past + seq]\n"
                       "  %y = Gather(%a, %b) {axis = 1} : bool[1, past + seq]\n"),
            "always");
}

TEST(Elements, of_inputs_outside_a_session_are_unknown) {
  EXPECT_EQ(element_of("  %y = Cast(%attention_mask) {to = 9} : bool[1, past + seq]\n", false),
            "unknown");
  EXPECT_EQ(element_of("  %y = Mul(%queries, %one) : i64[1, seq, 1]\n", false), "unknown");
}

TEST(Elements, of_an_additive_mask_are_a_choice) {
  const std::string causal =
      "  %a = LessOrEqual(%keys, %queries) : bool[1, seq, past + seq]\n"
      "  const %shown : f32[] = {0.0}\n  const %hidden : f32[] = {-inf}\n"
      "  const %factor : f32[] = {-1e+30}\n  const %unit : f32[] = {1.0}\n";
  EXPECT_EQ(element_of(causal + "  %y = Where(%a, %shown, %hidden) : f32[1, seq, past + seq]\n"),
            "0.000000 where @1 - @2 + past >= 0");
  EXPECT_EQ(element_of(causal + "  %b = Cast(%a) {to = 1} : f32[1, seq, past + seq]\n"
                                "  %c = Sub(%unit, %b) : f32[1, seq, past + seq]\n"
                                "  %y = Mul(%c, %factor) : f32[1, seq, past + seq]\n"),
            "-0.000000 where @1 - @2 + past >= 0");
}

TEST(Elements, of_what_data_decides_are_unknown) {
  EXPECT_EQ(element_of("  input %ids : i64[1, seq]\n"
                       "  %y = Equal(%ids, %zero) : bool[1, seq]\n"),
            "unknown");
}

TEST(Elements, of_tables_are_bands) {
  const std::string body =
      "  const %table : i64[4, 4] = {1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1}\n"
      "  %y = Identity(%table) : i64[4, 4]\n";
  EXPECT_EQ(element_of(body), "@0 - @1 >= 0 and -@0 + @1 + 1 >= 0");
}

TEST(Elements, of_a_scatter_to_their_own_places_are_the_updates) {
  EXPECT_EQ(element_of("  const %two : i64[2] = {2, 3}\n"
                       "  const %x : i64[2] = {7, 7}\n"
                       "  const %at : i64[2, 1] = {0, 1}\n"
                       "  const %away : i64[2, 1] = {1, 0}\n"
                       "  const %other : i64[2] = {9, 9}\n"
                       "  %y = ScatterND(%x, %away, %other) : i64[2]\n"),
            "unknown");
  EXPECT_EQ(element_of("  symbolic %rows : i64[2] is {seq, 1}\n"
                       "  %numbers = Range(%zero, %new, %one) : i64[seq]\n"
                       "  %at = Reshape(%numbers, %rows) : i64[seq, 1]\n"
                       "  %x = Mul(%numbers, %zero) : i64[seq]\n"
                       "  %y = ScatterND(%x, %at, %numbers) : i64[seq]\n"),
            "@0");
}

TEST(Elements, joined_by_one_rule_are_of_one_rule) {
  const std::string masks =
      "  symbolic %old : i64[1] is {past}\n"
      "  %past_mask = ConstantOfShape(%old) {dtype = 1, value = 0.0} : f32[past]\n"
      "  symbolic %numbers : i64[1] is {seq}\n";
  EXPECT_EQ(
      element_of(masks + "  %new_mask = ConstantOfShape(%numbers) {dtype = 1, value = 0.0} : "
                         "f32[seq]\n"
                         "  %y = Concat(%past_mask, %new_mask) {axis = 0} : f32[past + seq]\n"),
      "0.000000");
  EXPECT_EQ(
      element_of(masks + "  %new_mask = ConstantOfShape(%numbers) {dtype = 1, value = 1.0} : "
                         "f32[seq]\n"
                         "  %y = Concat(%past_mask, %new_mask) {axis = 0} : f32[past + seq]\n"),
      "unknown");
}

TEST(Elements, stretched_over_the_past_count_from_the_end) {
  const std::string causal =
      "  symbolic %square : i64[2] is {seq, seq}\n"
      "  symbolic %wide : i64[2] is {seq, past + seq}\n"
      "  const %hidden : f32[] = {-65504}\n  const %shown : f32[] = {0}\n"
      "  %columns = Range(%zero, %new, %one) : i64[seq]\n"
      "  %rows = Unsqueeze(%columns, %last) : i64[seq, 1]\n";
  EXPECT_EQ(element_of(causal + "  %seen = LessOrEqual(%columns, %rows) : bool[seq, seq]\n"
                                "  %mask = Where(%seen, %shown, %hidden) : f32[seq, seq]\n"
                                "  %y = Expand(%mask, %wide) : f32[seq, past + seq]\n"),
            "0.000000 where @0 - @1 + past >= 0");
  // The one row of a token would hide what it repeats.
  EXPECT_EQ(element_of(causal + "  %seen = Less(%rows, %columns) : bool[seq, seq]\n"
                                "  %mask = Where(%seen, %shown, %hidden) : f32[seq, seq]\n"
                                "  %y = Expand(%mask, %wide) : f32[seq, past + seq]\n"),
            "unknown");
}

}  // namespace
}  // namespace weft::passes
