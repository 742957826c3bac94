// Normalizers, one by one and in sequence.
#include "core/text/normalizer.h"

#include <gtest/gtest.h>

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

std::string normalize(std::string_view json, std::string_view text) {
  Json value = Json::parse(json);
  auto normalizer = Normalizer::parse(Field{&value, "normalizer"});
  return normalizer.ok() ? normalizer->normalize(text) : normalizer.error().message;
}

TEST(Normalizer, changes_nothing_where_there_is_none) {
  EXPECT_TRUE(Normalizer::parse(Field{})->empty());
  EXPECT_EQ(normalize("null", "\u00c9 x"), "\u00c9 x");
}

TEST(Normalizer, makes_normal_forms) {
  EXPECT_EQ(normalize(R"({"type": "NFC"})", "e\u0301\ufb01"), "\u00e9\ufb01");
  EXPECT_EQ(normalize(R"({"type": "NFD"})", "\u00e9"), "e\u0301");
  EXPECT_EQ(normalize(R"({"type": "NFKC"})", "\ufb01e\u0301"), "fi\u00e9");
  EXPECT_EQ(normalize(R"({"type": "NFKD"})", "\ufb01\u00e9"), "fie\u0301");
}

TEST(Normalizer, lowers_and_strips) {
  EXPECT_EQ(normalize(R"({"type": "Lowercase"})", "\u00c5B\u0130"), "\u00e5bi\u0307");
  EXPECT_EQ(normalize(R"({"type": "StripAccents"})", "e\u0301a"), "ea");
  EXPECT_EQ(
      normalize(R"({"type": "Strip", "strip_left": true, "strip_right": false})", " \u3000a b "),
      "a b ");
  EXPECT_EQ(normalize(R"({"type": "Strip", "strip_left": false, "strip_right": true})", " a b\n "),
            " a b");
  EXPECT_EQ(normalize(R"({"type": "Strip"})", " \n "), "");
}

TEST(Normalizer, replaces_strings_and_patterns) {
  EXPECT_EQ(
      normalize(R"({"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"})", "a  b"),
      "a\u2581\u2581"
      "b");
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"Regex": "\\s{2,}"}, "content": "."})",
                      "a  b c"),
            "a.b c");
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"String": ""}, "content": "x"})", "ab"),
            "ab");
}

TEST(Normalizer, prepends_to_all_but_the_empty_text) {
  EXPECT_EQ(normalize(R"({"type": "Prepend", "prepend": "_"})", "a"), "_a");
  EXPECT_EQ(normalize(R"({"type": "Prepend", "prepend": "_"})", ""), "");
}

TEST(Normalizer, runs_a_sequence_in_order) {
  EXPECT_EQ(normalize(R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": " "},
                       {"type": "Replace", "pattern": {"String": " "}, "content": "_"},
                       {"type": "ByteLevel"}]})",
                      "\u00e9"),
            "_\u00c3\u00a9");
}

TEST(Normalizer, cleans_text_as_bert_does) {
  EXPECT_EQ(normalize(R"({"type": "BertNormalizer"})", "\u00c9\tA\u0001\ufffd\u4e2db\u0307\u200b"),
            "e a \u4e2d b");
  const char* cased =
      R"({"type": "BertNormalizer", "lowercase": false, "handle_chinese_chars": false})";
  EXPECT_EQ(normalize(cased, "\u00c9\u4e2d\n"), "\u00c9\u4e2d ");
  const char* accents = R"({"type": "BertNormalizer", "lowercase": false, "strip_accents": true,
                            "clean_text": false})";
  EXPECT_EQ(normalize(accents, "\u00c9\n\u093f"), "E\n\u093f");  // the last a spacing mark
}

TEST(Normalizer, drops_and_spaces_what_nmt_lists) {
  EXPECT_EQ(normalize(R"({"type": "Nmt"})", "a\u0001\tb\u200b\u2581c\u007f\u00a0"), "a b  c\u00a0");
}

TEST(Normalizer, tells_whether_the_first_character_is_gone) {
  auto first_dropped = [](const char* json, std::string_view text) {
    Json value = Json::parse(json);
    auto normalizer = Normalizer::parse(Field{&value, "normalizer"});
    bool dropped = false;
    normalizer->normalize(text, &dropped);
    return dropped;
  };
  const char* strip = R"({"type": "Strip"})";
  EXPECT_TRUE(first_dropped(strip, " a"));
  EXPECT_FALSE(first_dropped(strip, "a "));
  EXPECT_FALSE(first_dropped(strip, ""));
  EXPECT_TRUE(first_dropped(R"({"type": "StripAccents"})", "\u0301a"));
  const char* replace = R"({"type": "Replace", "pattern": {"String": "``"}, "content": "q"})";
  EXPECT_TRUE(first_dropped(replace, "``a"));
  EXPECT_FALSE(first_dropped(replace, "a``"));
  EXPECT_FALSE(
      first_dropped(R"({"type": "Replace", "pattern": {"String": "x"}, "content": "yz"})", "xa"));
}

TEST(Normalizer, names_the_step_it_cannot_do) {
  EXPECT_EQ(
      normalize(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Foo"}]})", "")
          .find("normalizer.normalizers[1].type is \"Foo\"; supported: NFC"),
      0u);
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})", "")
                .find("normalizer.pattern: the regular expression '(' does not compile"),
            0u);
  EXPECT_EQ(normalize(R"({"type": "Replace", "pattern": "x", "content": ""})", "")
                .find("normalizer.pattern is \"x\"; supported: {\"String\""),
            0u);
  std::string deep = R"({"type": "NFC"})";
  for (int i = 0; i < 40; ++i) deep = R"({"type": "Sequence", "normalizers": [)" + deep + "]}";
  EXPECT_NE(normalize(deep, "").find("nests too deeply"), std::string::npos);
}

}  // namespace
}  // namespace weft::text
