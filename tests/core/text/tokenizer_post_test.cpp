// Post-processors: which tokens stand around a text.
#include "core/text/tokenizer_post.h"

#include <gtest/gtest.h>

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

Result<SpecialFrame> parse(std::string_view json) {
  Json value = Json::parse(json);
  return parse_post_processor(Field{&value, "post_processor"});
}

using Ids = std::vector<int64_t>;

TEST(PostProcessor, reads_a_template) {
  auto frame = parse(R"({"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 0}},
                 {"SpecialToken": {"id": "</s>", "type_id": 0}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [1, 9], "tokens": ["<s>", "x"]},
                         "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}})");
  ASSERT_TRUE(frame.ok()) << frame.error().message;
  EXPECT_EQ(frame->before, (Ids{1, 9}));
  EXPECT_EQ(frame->after, (Ids{2}));
}

TEST(PostProcessor, reads_pairs_and_what_adds_nothing) {
  auto frame = parse(R"({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]})");
  EXPECT_EQ(frame->before, (Ids{0}));
  EXPECT_EQ(frame->after, (Ids{2}));
  EXPECT_TRUE(parse("null")->before.empty());
  EXPECT_TRUE(parse(R"({"type": "ByteLevel"})")->before.empty());
}

TEST(PostProcessor, wraps_outwards_in_a_sequence) {
  auto frame = parse(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},
      {"type": "BertProcessing", "sep": ["b", 4], "cls": ["a", 3]},
      {"type": "BertProcessing", "sep": ["d", 6], "cls": ["c", 5]}]})");
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->before, (Ids{5, 3}));
  EXPECT_EQ(frame->after, (Ids{4, 6}));
}

TEST(PostProcessor, names_what_it_cannot_do) {
  EXPECT_EQ(parse(R"({"type": "Foo"})").error().message,
            "post_processor.type is \"Foo\"; supported: TemplateProcessing, RobertaProcessing, "
            "BertProcessing, "
            "ByteLevel, Sequence");
  EXPECT_EQ(parse(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]})")
                .error()
                .message,
            "post_processor.special_tokens.<s>.ids is missing; supported: an array");
  EXPECT_EQ(parse(R"({"type": "TemplateProcessing", "single": []})").error().message,
            "post_processor.single is []; supported: a template with a {\"Sequence\": ...}");
  EXPECT_EQ(parse(R"({"type": "BertProcessing", "cls": ["a"], "sep": ["b", 1]})").error().message,
            "post_processor.cls is [\"a\"]; supported: [\"token\", id]");
}

}  // namespace
}  // namespace weft::text
