// Pre-tokenizers; the expected words are those of the tokenizers library.
#include "core/text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

// The words joined with '|', or the error.
std::string cut(std::string_view json, std::string_view text, bool at_start = true) {
  Json value = Json::parse(json);
  auto pre = PreTokenizer::parse(Field{&value, "pre_tokenizer"});
  if (!pre.ok()) return pre.error().message;
  Words words = pre->cut(text, at_start);
  std::string out;
  for (const Span& span : words.spans)
    out.append(out.empty() ? "" : "|").append(words.text, span.begin, span.end - span.begin);
  return out;
}

TEST(PreTokenizer, leaves_the_text_whole_where_there_is_none) {
  EXPECT_EQ(cut("null", "a b"), "a b");
  EXPECT_EQ(cut("null", ""), "");
}

TEST(PreTokenizer, cuts_as_gpt2_does) {
  EXPECT_EQ(cut(R"({"type": "ByteLevel", "add_prefix_space": false})", "I'm 12  b!\u00e9"),
            "I|'m|\u012012|\u0120|\u0120b|!|\u00c3\u00a9");
  EXPECT_EQ(cut(R"({"type": "ByteLevel", "add_prefix_space": true})", "\thi"), "\u0120|\u0109|hi");
  EXPECT_EQ(cut(R"({"type": "ByteLevel", "add_prefix_space": true})", " hi"), "\u0120hi");
  EXPECT_EQ(cut(R"({"type": "ByteLevel", "add_prefix_space": true, "use_regex": false})", "a b"),
            "\u0120a\u0120b");
}

TEST(PreTokenizer, splits_at_strings_and_patterns) {
  EXPECT_EQ(cut(R"({"type": "Split", "pattern": {"String": "."},
              "behavior": "Isolated", "invert": false})",
                "a.b"),
            "a|.|b");
  EXPECT_EQ(cut(R"({"type": "Split", "pattern": {"Regex": "[-b]"},
              "behavior": "Removed", "invert": true})",
                "-a--b-c-"),
            "-|-|-|b|-|-");
}

TEST(PreTokenizer, cuts_at_classes_of_characters) {
  EXPECT_EQ(cut(R"({"type": "Digits", "individual_digits": true})", "a12\u00bd"), "a|1|2|\u00bd");
  EXPECT_EQ(cut(R"({"type": "Digits", "individual_digits": false})", "a12b"), "a|12|b");
  EXPECT_EQ(cut(R"({"type": "Punctuation", "behavior": "MergedWithPrevious"})", "a!b"), "a!|b");
  EXPECT_EQ(cut(R"({"type": "Punctuation"})", "a!b"), "a|!|b");
  EXPECT_EQ(cut(R"({"type": "Whitespace"})", " ab-c! d\u3000"), "ab|-|c|!|d");
  EXPECT_EQ(cut(R"({"type": "WhitespaceSplit"})", " ab-c! d\u3000"), "ab-c!|d");
  EXPECT_EQ(cut(R"({"type": "CharDelimiterSplit", "delimiter": "\u00e9"})", "a\u00e9b"), "a|b");
  EXPECT_EQ(cut(R"({"type": "BertPreTokenizer"})", "a! b"), "a|!|b");
}

TEST(PreTokenizer, marks_spaces) {
  EXPECT_EQ(cut(R"({"type": "Metaspace", "prepend_scheme": "always"})", "a b"), "\u2581a|\u2581b");
  EXPECT_EQ(cut(R"({"type": "Metaspace", "prepend_scheme": "always"})", " a"), "\u2581a");
  EXPECT_EQ(cut(R"({"type": "Metaspace", "prepend_scheme": "never", "split": false})", "a b"),
            "a\u2581b");
  EXPECT_EQ(cut(R"({"type": "Metaspace", "prepend_scheme": "first"})", "a b", true),
            "\u2581a|\u2581b");
  EXPECT_EQ(cut(R"({"type": "Metaspace", "prepend_scheme": "first"})", "a b", false), "a|\u2581b");
}

TEST(PreTokenizer, runs_a_sequence_in_order) {
  EXPECT_EQ(
      cut(R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
                    {"type": "ByteLevel", "add_prefix_space": false}]})",
          "ab 12"),
      "ab|\u0120|1|2");
}

TEST(PreTokenizer, names_what_it_cannot_do) {
  EXPECT_EQ(cut(R"({"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}]})", "")
                .find("pre_tokenizer.pretokenizers[0].type is \"UnicodeScripts\"; supported: "
                      "ByteLevel, Split"),
            0u);
  EXPECT_EQ(cut(R"({"type": "Split", "pattern": {"String": "x"}, "behavior": "Foo"})", ""),
            "pre_tokenizer.behavior is \"Foo\"; supported: Isolated, Removed, MergedWithPrevious, "
            "MergedWithNext, "
            "Contiguous");
  EXPECT_EQ(cut(R"({"type": "ByteLevel", "use_regex": 1})", ""),
            "pre_tokenizer.use_regex is 1; supported: true, false");
  EXPECT_EQ(cut(R"({"type": "Split", "behavior": "Isolated"})", ""),
            "pre_tokenizer.pattern is missing; supported: {\"String\": ...}, {\"Regex\": ...}");
  EXPECT_EQ(cut(R"({"type": "Metaspace", "replacement": "ab"})", ""),
            "pre_tokenizer.replacement is \"ab\"; supported: a string of one character");
}

}  // namespace
}  // namespace weft::text
