// WordPiece: longest match first, and the words it gives up on.
#include "core/text/word_piece.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

WordPiece build(const std::vector<std::string>& tokens, const WordPiece::Options& options = {}) {
  std::string strings;
  std::vector<Vocab::Entry> entries;
  for (const std::string& token : tokens) {
    auto begin = static_cast<uint32_t>(strings.size());
    strings += token;
    entries.push_back(
        {begin, static_cast<uint32_t>(strings.size()), static_cast<int32_t>(entries.size())});
  }
  return WordPiece::build(*Vocab::build(std::move(strings), entries), options);
}

std::string encode(const WordPiece& model, std::string_view word) {
  std::vector<int64_t> ids;
  model.encode_word(word, ids);
  std::string out;
  for (int64_t id : ids) out.append(out.empty() ? "" : "|").append(*model.vocab().token(id));
  return out;
}

TEST(WordPiece, takes_the_longest_token_that_fits) {
  WordPiece model = build({"?", "un", "una", "##aff", "##able", "##a", "##ble", "##\u00e9"});
  EXPECT_EQ(encode(model, "unaffable"), "?");  // una, and nothing goes on with ff
  EXPECT_EQ(encode(model, "unable"), "una|##ble");
  EXPECT_EQ(encode(model, "una\u00e9a"), "una|##\u00e9|##a");
  EXPECT_EQ(encode(model, "able"), "?");
  EXPECT_EQ(encode(model, ""), "");
}

TEST(WordPiece, never_matches_the_prefix_alone) {
  EXPECT_EQ(encode(build({"?", "a", "##", "##b"}), "ab"), "a|##b");
  EXPECT_EQ(encode(build({"?", "a", "##"}), "ab"), "?");
  EXPECT_EQ(encode(build({"?", "a", "##"}), "##"), "##");
}

TEST(WordPiece, does_without_a_prefix) {
  EXPECT_EQ(encode(build({"?", "a", "b"}, {.continuing_prefix = ""}), "abba"), "a|b|b|a");
  EXPECT_EQ(encode(build({"?", "a", "b"}), "ab"), "?");
}

TEST(WordPiece, gives_up_on_words_of_too_many_characters) {
  WordPiece model = build({"?", "\u00e9", "##\u00e9"}, {.max_word_chars = 3});
  EXPECT_EQ(encode(model, "\u00e9\u00e9\u00e9"), "\u00e9|##\u00e9|##\u00e9");
  EXPECT_EQ(encode(model, "\u00e9\u00e9\u00e9\u00e9"), "?");
  EXPECT_EQ(encode(build({"?", "a"}, {.max_word_chars = 0}), "a"), "?");
}

}  // namespace
}  // namespace weft::text
