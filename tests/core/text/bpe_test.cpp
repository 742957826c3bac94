// Merging: order of merges, unknown characters, and the two algorithms against a plain third one.
#include "core/text/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weft::text {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<Bpe> build(const std::vector<std::string>& tokens, const Pairs& pairs,
                  const BpeOptions& options = {}) {
  std::string strings;
  std::vector<Vocab::Entry> entries;
  for (const std::string& token : tokens) {
    auto begin = static_cast<uint32_t>(strings.size());
    strings += token;
    entries.push_back(
        {begin, static_cast<uint32_t>(strings.size()), static_cast<int32_t>(entries.size())});
  }
  auto vocab = Vocab::build(std::move(strings), entries);
  std::vector<Bpe::Merge> merges;
  for (const auto& [left, right] : pairs) merges.push_back({left, right});
  return Bpe::build(*std::move(vocab), merges, options);
}

// The tokens of a word joined with '|'.
std::string encode(const Bpe& bpe, std::string_view word) {
  Bpe::Scratch scratch;
  std::vector<int64_t> ids;
  bpe.encode_word(word, scratch, ids);
  std::string out;
  for (int64_t id : ids) out.append(out.empty() ? "" : "|").append(*bpe.vocab().token(id));
  return out;
}

TEST(Bpe, joins_the_lowest_rank_first_and_the_leftmost_among_equals) {
  auto bpe = build({"a", "b", "c", "bc", "ab", "aa"}, {{"b", "c"}, {"a", "b"}, {"a", "a"}});
  ASSERT_TRUE(bpe.ok());
  EXPECT_EQ(encode(*bpe, "abc"), "a|bc");
  EXPECT_EQ(encode(*bpe, "abab"), "ab|ab");
  EXPECT_EQ(encode(*bpe, "aaa"), "aa|a");
  EXPECT_EQ(encode(*bpe, ""), "");
}

TEST(Bpe, drops_unknown_characters_where_nothing_stands_for_them) {
  EXPECT_EQ(encode(*build({"a"}, {}),
                   "a\u65e5"
                   "a\u00e9"),
            "a|a");
}

TEST(Bpe, puts_the_unknown_token_once_per_character_or_once_per_run) {
  BpeOptions options;
  options.unk_token = "?";
  EXPECT_EQ(encode(*build({"a", "?"}, {}, options), "axyaz"), "a|?|?|a|?");
  options.fuse_unk = true;
  EXPECT_EQ(encode(*build({"a", "?"}, {}, options), "axyaz"), "a|?|a|?");
}

TEST(Bpe, falls_back_to_bytes_where_all_of_them_exist) {
  BpeOptions options;
  options.unk_token = "?";
  options.byte_fallback = true;
  auto bpe = build({"a", "?", "<0xC3>", "<0xA9>"}, {}, options);
  EXPECT_EQ(encode(*bpe, "a\u00e9"), "a|<0xC3>|<0xA9>");
  EXPECT_EQ(encode(*bpe,
                   "a\u00e8"
                   "a"),
            "a|?|a");
}

TEST(Bpe, takes_a_whole_token_whatever_the_merges_say_on_request) {
  BpeOptions options;
  EXPECT_EQ(encode(*build({"a", "b", "ab"}, {}, options), "ab"), "a|b");
  options.ignore_merges = true;
  EXPECT_EQ(encode(*build({"a", "b", "ab"}, {}, options), "ab"), "ab");
  EXPECT_EQ(encode(*build({"a", "b", "ab"}, {}, options), "aba"), "a|b|a");
}

TEST(Bpe, names_the_merge_whose_tokens_are_unknown) {
  EXPECT_EQ(build({"a", "b"}, {{"a", "b"}}).error().message,
            "model.merges[0] joins 'a' and 'b'; model.vocab does not hold 'ab'");
  EXPECT_EQ(build({"a", "ab"}, {{"a", "b"}}).error().message,
            "model.merges[0] joins 'a' and 'b'; model.vocab does not hold 'b'");
  BpeOptions options;
  options.unk_token = "?";
  EXPECT_EQ(build({"a"}, {}, options).error().message,
            "model.unk_token is '?', which model.vocab does not hold");
}

// The definition, word for word: again and again the best pair of the whole word.
std::vector<std::string> merge_plainly(const Pairs& pairs, std::string_view word) {
  std::vector<std::string> parts;
  for (char c : word) parts.emplace_back(1, c);
  while (true) {
    size_t best_rank = pairs.size(), best_at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      auto found = std::find(pairs.begin(), pairs.end(), std::pair(parts[i], parts[i + 1]));
      auto rank = static_cast<size_t>(found - pairs.begin());
      if (rank < best_rank) {
        best_rank = rank;
        best_at = i;
      }
    }
    if (best_rank == pairs.size()) return parts;
    parts[best_at] += parts[best_at + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best_at + 1));
  }
}

TEST(Bpe, merges_short_and_long_words_by_the_definition) {
  // Random merges over three letters; words around and beyond the length where the algorithm
  // changes.
  uint32_t state = 5;
  auto random = [&](size_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    Pairs pairs;
    for (int i = 0; i < 25; ++i) {
      std::pair<std::string, std::string> pair(tokens[random(tokens.size())],
                                               tokens[random(tokens.size())]);
      if (std::find(pairs.begin(), pairs.end(), pair) != pairs.end()) continue;
      pairs.push_back(pair);
      if (std::find(tokens.begin(), tokens.end(), pair.first + pair.second) == tokens.end())
        tokens.push_back(pair.first + pair.second);
    }
    auto bpe = build(tokens, pairs);
    ASSERT_TRUE(bpe.ok()) << bpe.error().message;
    for (size_t size : {1, 2, 7, 31, 32, 33, 34, 90, 300}) {
      std::string word, expected;
      for (size_t i = 0; i < size; ++i) word.push_back(static_cast<char>('a' + random(3)));
      for (const std::string& part : merge_plainly(pairs, word))
        expected += (expected.empty() ? "" : "|") + part;
      ASSERT_EQ(encode(*bpe, word), expected) << word;
    }
  }
}

}  // namespace
}  // namespace weft::text
