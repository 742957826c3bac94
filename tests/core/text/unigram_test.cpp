// Unigram: the best cut against all cuts, unknown pieces, and the cost of long words.
#include "core/text/unigram.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

using Pieces = std::vector<std::pair<std::string, double>>;

Unigram build(const Pieces& pieces, int32_t unk_id, bool byte_fallback = false) {
  std::string strings;
  std::vector<Vocab::Entry> entries;
  std::vector<double> scores;
  for (const auto& [text, score] : pieces) {
    auto begin = static_cast<uint32_t>(strings.size());
    strings += text;
    entries.push_back(
        {begin, static_cast<uint32_t>(strings.size()), static_cast<int32_t>(entries.size())});
    scores.push_back(score);
  }
  Vocab vocab = *Vocab::build(std::move(strings), entries, Vocab::Repeats::later_id_found);
  auto byte_ids = byte_token_ids(vocab);
  return Unigram::build(std::move(vocab), std::move(scores), {unk_id, byte_fallback, byte_ids});
}

// The tokens of a word joined with '|'.
std::string encode(const Unigram& model, std::string_view word) {
  Unigram::Scratch scratch;
  std::vector<int64_t> ids;
  model.encode_word(word, scratch, ids);
  std::string out;
  for (int64_t id : ids) out.append(out.empty() ? "" : "|").append(*model.vocab().token(id));
  return out;
}

TEST(Unigram, takes_the_cut_of_the_highest_score) {
  Unigram model = build({{"?", 0}, {"a", -2}, {"b", -2}, {"ab", -3}, {"ba", -1}, {"aba", -6}}, 0);
  EXPECT_EQ(encode(model, ""), "");
  EXPECT_EQ(encode(model, "ab"), "ab");
  EXPECT_EQ(encode(model, "aba"), "a|ba");
  EXPECT_EQ(encode(model, "abab"), "a|ba|b");
}

// The best score over all cuts, tried one by one.
double best_by_trial(const Pieces& pieces, std::string_view word) {
  if (word.empty()) return 0;
  double best = -1e9;
  for (const auto& [text, score] : pieces)
    if (!text.empty() && word.starts_with(text))
      best = std::max(best, score + best_by_trial(pieces, word.substr(text.size())));
  return best;
}

TEST(Unigram, agrees_with_a_trial_of_all_cuts) {
  Pieces pieces = {{"a", -3}, {"b", -3.5}, {"c", -4}};
  uint32_t state = 1;
  auto next = [&](uint32_t limit) {
    state = state * 1664525 + 1013904223;
    return (state >> 16) % limit;
  };
  for (int i = 0; i < 12; ++i) {
    std::string text;
    for (uint32_t n = 2 + next(3); n > 0; --n) text.push_back("abc"[next(3)]);
    pieces.emplace_back(text, -2.0 - next(1000) / 100.0);
  }
  Unigram model = build(pieces, -1);
  for (int round = 0; round < 200; ++round) {
    std::string word;
    for (uint32_t n = next(9); n > 0; --n) word.push_back("abc"[next(3)]);
    Unigram::Scratch scratch;
    std::vector<int64_t> ids;
    model.encode_word(word, scratch, ids);
    std::string joined;
    double score = 0;
    for (int64_t id : ids) {
      joined += *model.vocab().token(id);
      // Of pieces that occur twice the later counts, here and in the model.
      score += pieces[static_cast<size_t>(model.vocab().find(*model.vocab().token(id)))].second;
    }
    EXPECT_EQ(joined, word);
    Pieces later;
    for (const auto& [text, s] : pieces)
      later.emplace_back(text, pieces[static_cast<size_t>(model.vocab().find(text))].second);
    EXPECT_NEAR(score, best_by_trial(later, word), 1e-9) << word;
  }
}

TEST(Unigram, takes_a_run_of_unknown_characters_for_one) {
  Pieces pieces = {{"?", 0}, {"a", -2}, {"<0x78>", -9}};
  EXPECT_EQ(encode(build(pieces, 0), "xya\u65e5"), "?|a|?");
  EXPECT_EQ(encode(build(pieces, -1), "xya\u65e5"), "a");
  EXPECT_EQ(encode(build(pieces, 0, true), "xxax"), "<0x78>|<0x78>|a|<0x78>");
  EXPECT_EQ(encode(build(pieces, 0, true), "xyax"), "?|a|<0x78>");  // y has no byte token
}

TEST(Unigram, prefers_an_unknown_character_to_what_scores_worse) {
  // The unknown character scores the lowest less 10: -60 for each of two.
  EXPECT_EQ(encode(build({{"?", 0}, {"xx", -50}}, 0), "xx"), "xx");
  EXPECT_EQ(encode(build({{"?", 0}, {"a", -1}, {"ax", -50}}, 0), "ax"), "ax");
}

TEST(Unigram, leaves_hidden_tokens_out) {
  std::string strings = "?</s><a";
  std::vector<Vocab::Entry> entries = {{0, 1, 0}, {1, 5, 1}, {5, 6, 2}, {6, 7, 3}};
  Vocab vocab = *Vocab::build(std::move(strings), entries);
  vocab.hide("</s>");
  Unigram model = Unigram::build(std::move(vocab), {0, 0, -1, -1}, {.unk_id = 0});
  EXPECT_EQ(encode(model, "a</s>"), "a|<|?");
}

TEST(Unigram, costs_as_much_as_the_word_is_long) {
  Pieces pieces = {{"?", 0}, {"a", -2}};
  for (size_t size = 2; size <= 16; size *= 2)
    pieces.emplace_back(std::string(size, 'a'), -1 - static_cast<double>(size) / 100);
  Unigram model = build(pieces, 0);
  for (size_t size : {size_t{1000}, size_t{1} << 20}) {
    Unigram::Scratch scratch;
    std::vector<int64_t> ids;
    model.encode_word(std::string(size, 'a'), scratch, ids);
    EXPECT_EQ(ids.size(), (size + 15) / 16) << size;
    EXPECT_LE(scratch.steps, static_cast<int64_t>(size) * 17);
  }
}

}  // namespace
}  // namespace weft::text
