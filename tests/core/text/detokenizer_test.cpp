// Streaming: whole characters only, and joined the same text as decode.
#include "core/text/detokenizer.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

Tokenizer load(const std::string& path) {
  auto tokenizer = Tokenizer::load(WEFT_TEST_DATA + path);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return *tokenizer;
}

TEST(Detokenizer, holds_a_character_back_until_it_is_whole) {
  Tokenizer tokenizer = load("/smollm2/tokenizer.json");
  auto ids = tokenizer.encode("\U0001F9A9", true);
  ASSERT_GT(ids.size(), 1u);  // else nothing is held back
  Detokenizer detokenizer(tokenizer);
  for (size_t i = 0; i + 1 < ids.size(); ++i) EXPECT_EQ(detokenizer.push(ids[i]), "");
  EXPECT_EQ(detokenizer.push(ids.back()), "\U0001F9A9");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, ends_an_unfinished_character_on_flush) {
  Tokenizer tokenizer = load("/smollm2/tokenizer.json");
  auto ids = tokenizer.encode("\U0001F9A9", true);
  Detokenizer detokenizer(tokenizer);
  EXPECT_EQ(detokenizer.push(ids[0]), "");
  EXPECT_EQ(detokenizer.flush(), "\uFFFD");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, hides_special_tokens_on_request) {
  Tokenizer tokenizer = load("/smollm2/tokenizer.json");
  Detokenizer shown(tokenizer), hidden(tokenizer, true);
  EXPECT_EQ(shown.push(2), "<|im_end|>");
  EXPECT_EQ(hidden.push(2), "");
  EXPECT_EQ(hidden.push(1 << 25), "");
}

TEST(Detokenizer, begins_a_new_text_after_flush) {
  Detokenizer detokenizer(load("/tokenizers/llama2.json"));
  auto ids = load("/tokenizers/llama2.json").encode("hello", true);
  for (int round = 0; round < 2; ++round) {
    std::string text;
    for (int64_t id : ids) text += detokenizer.push(id);
    EXPECT_EQ(text + detokenizer.flush(), "hello");
  }
}

class AnyStyle : public testing::TestWithParam<const char*> {};

TEST_P(AnyStyle, streams_what_decode_gives) {
  Tokenizer tokenizer = load(GetParam());
  uint32_t state = 11;
  for (int round = 0; round < 400; ++round) {
    std::vector<int64_t> ids;
    for (int i = 0; i < 30; ++i) {
      state = state * 1664525 + 1013904223;
      // Among the first 300 ids of a small vocabulary are the single bytes: most runs of them are
      // no text.
      ids.push_back((state >> 8) % (round % 2 ? 300 : tokenizer.vocab_size() + 3));
    }
    for (bool skip : {false, true}) {
      Detokenizer detokenizer(tokenizer, skip);
      std::string streamed;
      for (int64_t id : ids) {
        std::string piece = detokenizer.push(id);
        ASSERT_TRUE(is_valid_utf8(piece));
        streamed += piece;
      }
      streamed += detokenizer.flush();
      ASSERT_EQ(streamed, tokenizer.decode(ids, skip));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Property, AnyStyle,
                         testing::Values("/smollm2/tokenizer.json", "/tokenizers/llama2.json",
                                         "/tokenizers/metaspace.json", "/tokenizers/words.json"));

}  // namespace
}  // namespace weft::text
