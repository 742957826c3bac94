// Added tokens: longest match, white space, word borders, special tokens on request.
#include "core/text/added_tokens.h"

#include <gtest/gtest.h>

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

Result<AddedTokens> parse(std::string_view json, std::string_view normalizer = "null") {
  Json value = Json::parse(json), steps = Json::parse(normalizer);
  auto parsed = Normalizer::parse(Field{&steps, "normalizer"});
  return AddedTokens::parse(Field{&value, "added_tokens"}, *parsed);
}

// Pieces joined with '|'; tokens as <id:what they cover>.
std::string cut(std::string_view json, std::string_view text, bool parse_special = true) {
  auto tokens = parse(json);
  if (!tokens.ok()) return tokens.error().message;
  std::string out;
  for (const auto& piece : tokens->cut(text, false, parse_special)) {
    if (!out.empty()) out += "|";
    if (piece.token) out.append("<").append(std::to_string(piece.token->id)).append(":");
    out += piece.text;
    if (piece.token) out += ">";
  }
  return out;
}

TEST(AddedTokens, take_the_leftmost_and_then_the_longest) {
  const char* json =
      R"([{"id": 1, "content": "ab", "normalized": false},
          {"id": 2, "content": "abcd", "normalized": false},
                         {"id": 3, "content": "bcdefg", "normalized": false}])";
  EXPECT_EQ(cut(json, "xabcdefg"), "x|<2:abcd>|efg");
  EXPECT_EQ(cut(json, "abc"), "<1:ab>|c");
  EXPECT_EQ(cut(json, "bcdefgab"), "<3:bcdefg>|<1:ab>");
  EXPECT_EQ(cut(json, ""), "");
}

TEST(AddedTokens, leave_special_tokens_as_text_unless_asked) {
  const char* json =
      R"([{"id": 1, "content": "<s>", "special": true},
          {"id": 2, "content": "<t>", "normalized": false}])";
  EXPECT_EQ(cut(json, "a<s>b<t>", true), "a|<1:<s>>|b|<2:<t>>");
  EXPECT_EQ(cut(json, "a<s>b<t>", false), "a<s>b|<2:<t>>");
}

TEST(AddedTokens, swallow_white_space_where_they_say_so) {
  const char* json = R"([{"id": 1, "content": "<l>", "lstrip": true, "normalized": false},
                         {"id": 2, "content": "<r>", "rstrip": true, "normalized": false}])";
  EXPECT_EQ(cut(json, "a \u3000<l> b"), "a|<1: \u3000<l>>| b");
  EXPECT_EQ(cut(json, "a <r>\n b"), "a |<2:<r>\n >|b");
  EXPECT_EQ(cut(json, "<r>  <l>"), "<2:<r>  >|<1:<l>>");
  EXPECT_EQ(cut(json, "  <l>"), "<1:  <l>>");
}

TEST(AddedTokens, keep_to_words_where_they_say_so) {
  const char* json = R"([{"id": 1, "content": "ing", "single_word": true, "normalized": false}])";
  EXPECT_EQ(cut(json, "ing, ing.ing"), "<1:ing>|, |<1:ing>|.|<1:ing>");
  EXPECT_EQ(cut(json, "sing \u00e9ing ings"), "sing \u00e9ing ings");
}

TEST(AddedTokens, meet_their_own_white_space_already_swallowed) {
  const char* json = R"([{"id": 1, "content": "<r>", "rstrip": true, "normalized": false},
                         {"id": 2, "content": " x", "normalized": false}])";
  EXPECT_EQ(cut(json, "<r> xy"), "<1:<r> >|<2:x>|y");
}

TEST(AddedTokens, match_normalized_text_in_normalized_spelling) {
  auto tokens =
      parse(R"([{"id": 1, "content": "Zed", "normalized": true}])", R"({"type": "Lowercase"})");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(tokens->cut("Zed zed", false, true).size(), 1u);
  auto pieces = tokens->cut("zed Zed", true, true);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].token->content, "Zed");
}

TEST(AddedTokens, are_found_by_id_and_by_content) {
  auto tokens =
      parse(R"([{"id": 7, "content": "<s>", "special": true}, {"id": 8, "content": ""}])");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ(tokens->find(7)->content, "<s>");
  EXPECT_EQ(tokens->find("<s>")->id, 7);
  EXPECT_EQ(tokens->find(9), nullptr);
  EXPECT_EQ(tokens->find("x"), nullptr);
  EXPECT_EQ(tokens->cut("abc", true, true).size(), 1u);  // the empty token matches nowhere
}

TEST(AddedTokens, say_what_is_wrong_with_a_list) {
  EXPECT_EQ(cut(R"([{"id": 1, "content": "a"}, {"id": 1, "content": "b"}])", ""),
            "added_tokens[1].id 1 belongs to 'a' already; every id may occur once");
  EXPECT_EQ(cut(R"([{"id": 1, "content": "a"}, {"id": 2, "content": "a"}])", ""),
            "added_tokens[1].content 'a' occurs twice in added_tokens; it may occur once");
  EXPECT_EQ(cut(R"([{"id": -1, "content": "a"}])", ""),
            "added_tokens[0].id is -1; supported: token ids from 0 to 4194303");
  EXPECT_EQ(cut(R"([{"id": 1}])", ""), "added_tokens[0].content is missing; supported: a string");
  EXPECT_EQ(cut(R"({})", ""), "added_tokens is {}; supported: an array");
  EXPECT_EQ(cut(R"([3])", ""), "added_tokens[0].id is missing; supported: an integer");
}

}  // namespace
}  // namespace weft::text
