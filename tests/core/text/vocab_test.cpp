// The vocabulary table: both ways, with holes, and what it refuses.
#include "core/text/vocab.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

Result<Vocab> build(const std::vector<std::pair<std::string, int32_t>>& tokens,
                    Vocab::Repeats repeats = Vocab::Repeats::refused) {
  std::string strings;
  std::vector<Vocab::Entry> entries;
  for (const auto& [token, id] : tokens) {
    auto begin = static_cast<uint32_t>(strings.size());
    strings += token;
    entries.push_back({begin, static_cast<uint32_t>(strings.size()), id});
  }
  return Vocab::build(std::move(strings), entries, repeats);
}

TEST(Vocab, finds_every_token_by_string_and_by_id) {
  std::vector<std::pair<std::string, int32_t>> tokens;
  for (int32_t i = 0; i < 3000; ++i) tokens.emplace_back("token" + std::to_string(i * 7), 2999 - i);
  auto vocab = build(tokens);
  ASSERT_TRUE(vocab.ok());
  EXPECT_EQ(vocab->id_limit(), 3000);
  for (const auto& [token, id] : tokens) {
    ASSERT_EQ(vocab->find(token), id);
    ASSERT_EQ(vocab->token(id), token);
  }
  EXPECT_EQ(vocab->find("token1"), -1);
  EXPECT_EQ(vocab->find(""), -1);
}

TEST(Vocab, has_holes_where_ids_are_unused) {
  auto vocab = build({{"a", 5}, {"", 2}});
  ASSERT_TRUE(vocab.ok());
  EXPECT_EQ(vocab->id_limit(), 6);
  EXPECT_EQ(vocab->token(5), "a");
  EXPECT_EQ(vocab->token(2), "");
  for (int64_t id : {int64_t{-1}, int64_t{0}, int64_t{6}, INT64_MAX, INT64_MIN})
    EXPECT_FALSE(vocab->token(id).has_value());
}

TEST(Vocab, may_be_empty) {
  EXPECT_EQ(build({})->find("a"), -1);
  EXPECT_EQ(Vocab().find("a"), -1);
}

TEST(Vocab, finds_the_later_of_two_where_strings_may_repeat) {
  auto vocab = build({{"a", 0}, {"b", 1}, {"a", 2}}, Vocab::Repeats::later_id_found);
  ASSERT_TRUE(vocab.ok());
  EXPECT_EQ(vocab->find("a"), 2);
  EXPECT_EQ(vocab->token(0), "a");
  EXPECT_EQ(vocab->token(2), "a");
}

TEST(Vocab, does_not_find_what_is_hidden) {
  std::vector<std::pair<std::string, int32_t>> tokens;
  for (int32_t i = 0; i < 500; ++i) tokens.emplace_back("t" + std::to_string(i), i);
  auto vocab = build(tokens);
  for (int32_t i = 0; i < 500; i += 2) vocab->hide(tokens[static_cast<size_t>(i)].first);
  vocab->hide("no such token");
  for (int32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(vocab->find(tokens[static_cast<size_t>(i)].first), i % 2 ? i : -1);
    EXPECT_EQ(vocab->token(i), tokens[static_cast<size_t>(i)].first);
  }
}

TEST(Vocab, knows_the_tokens_of_bytes) {
  auto ids = byte_token_ids(*build({{"<0x00>", 3}, {"<0xFF>", 4}, {"<0xab>", 5}}));
  EXPECT_EQ(ids[0], 3);
  EXPECT_EQ(ids[255], 4);
  EXPECT_EQ(ids[0xab], -1);  // capitals only
}

TEST(Vocab, refuses_what_occurs_twice) {
  EXPECT_EQ(build({{"a", 1}, {"b", 1}}).error().message,
            "model.vocab gives id 1 to both 'a' and 'b'; every id may occur once");
  EXPECT_EQ(build({{"a", 1}, {"a", 2}}).error().message,
            "model.vocab holds 'a' twice; it may occur once");
}

}  // namespace
}  // namespace weft::text
