// The trie: every token is found where it ends, and nothing else.
#include "core/text/token_trie.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace weft::text {
namespace {

TEST(TokenTrie, holds_nothing_at_first) {
  EXPECT_EQ(TokenTrie().step(TokenTrie::root, 'a'), TokenTrie::none);
  EXPECT_EQ(TokenTrie::build({}).walk(TokenTrie::root, "a"), TokenTrie::none);
  EXPECT_EQ(TokenTrie::build({{"", 3}}).id(TokenTrie::root), -1);
}

TEST(TokenTrie, finds_tokens_inside_tokens) {
  TokenTrie trie = TokenTrie::build({{"ab", 1}, {"a", 0}, {"abcd", 2}, {"\xff", 3}});
  TokenTrie::Node node = trie.walk(TokenTrie::root, "ab");
  EXPECT_EQ(trie.id(node), 1);
  EXPECT_EQ(trie.id(trie.step(node, 'c')), -1);
  EXPECT_EQ(trie.id(trie.walk(node, "cd")), 2);
  EXPECT_EQ(trie.walk(node, "ce"), TokenTrie::none);
  EXPECT_EQ(trie.walk(node, "cdd"), TokenTrie::none);
  EXPECT_EQ(trie.id(trie.walk(TokenTrie::root, "\xff")), 3);
  EXPECT_EQ(trie.walk(node, ""), node);
}

TEST(TokenTrie, agrees_with_a_map) {
  std::map<std::string, int32_t> map;
  uint32_t state = 5;
  auto word = [&] {
    std::string text;
    do {
      state = state * 1664525 + 1013904223;
      text.push_back("abc\x80\xff"[(state >> 16) % 5]);
    } while ((state >> 24) % 4);
    return text;
  };
  for (int32_t i = 0; i < 400; ++i) map.emplace(word(), i);
  std::vector<std::pair<std::string_view, int32_t>> tokens(map.begin(), map.end());
  TokenTrie trie = TokenTrie::build(std::move(tokens));
  for (const auto& [text, id] : map) EXPECT_EQ(trie.id(trie.walk(TokenTrie::root, text)), id);
  for (int i = 0; i < 2000; ++i) {
    std::string text = word();
    TokenTrie::Node node = trie.walk(TokenTrie::root, text);
    auto known = map.find(text);
    EXPECT_EQ(node == TokenTrie::none ? -1 : trie.id(node),
              known == map.end() ? -1 : known->second);
  }
}

}  // namespace
}  // namespace weft::text
