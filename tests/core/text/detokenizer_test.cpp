// Streaming: whole characters only, and joined the same text as decode.
#include "core/text/detokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

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

TEST(Detokenizer, holds_back_what_depends_on_the_next_token) {
  Tokenizer tokenizer = load("/tokenizers/gpt1.json");
  auto the = tokenizer.token_to_id("the</w>");
  ASSERT_TRUE(the.has_value());
  Detokenizer detokenizer(tokenizer);
  EXPECT_EQ(detokenizer.push(*the), "the");
  EXPECT_EQ(detokenizer.push(*the), " the");
  EXPECT_EQ(detokenizer.flush(), "");
  EXPECT_EQ(detokenizer.push(*the), "the");
}

TEST(Detokenizer, joins_word_pieces_as_they_come) {
  Tokenizer tokenizer = load("/tokenizers/bert.json");
  Detokenizer detokenizer(tokenizer);
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("the")), "the");
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("u")), " u");
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("##n")), "n");
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id(".")), ".");
}

TEST(Detokenizer, leaves_the_first_space_of_metaspace_out) {
  Tokenizer tokenizer = load("/tokenizers/t5.json");
  Detokenizer detokenizer(tokenizer);
  int64_t the = *tokenizer.token_to_id("\u2581the");
  EXPECT_EQ(detokenizer.push(the), "the");
  EXPECT_EQ(detokenizer.push(the), " the");
}

TEST(Detokenizer, puts_characters_together_from_byte_tokens) {
  Tokenizer tokenizer = load("/tokenizers/unigram_bytes.json");
  Detokenizer detokenizer(tokenizer);
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("<0xC3>")), "");
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("<0xA9>")), "\u00e9");
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("<0xC3>")), "");
  EXPECT_EQ(detokenizer.push(*tokenizer.token_to_id("a")), "\uFFFDa");
}

// What streams is what the reference decodes at once, whatever the file's decoder.
class References : public testing::TestWithParam<const char*> {};

TEST_P(References, stream_as_decoded) {
  std::string base = std::string(WEFT_TEST_DATA "/tokenizers/") + GetParam();
  Detokenizer detokenizer(load(std::string("/tokenizers/") + GetParam() + ".json"));
  std::ifstream file(base + ".goldens.json");
  auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 90u);
  for (const auto& c : cases) {
    std::string text;
    for (int64_t id : c["ids"].get<std::vector<int64_t>>()) text += detokenizer.push(id);
    text += detokenizer.flush();
    EXPECT_EQ(text, c.contains("decoded") ? c["decoded"] : c["text"]) << c.dump();
  }
}

INSTANTIATE_TEST_SUITE_P(Streamed, References,
                         testing::Values("t5", "xlm_roberta", "albert", "unigram_bytes", "bert",
                                         "bert_cased", "accents", "word_level", "clip", "gpt1",
                                         "continued", "mistral", "llama2", "gemma", "metaspace"));

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
                                         "/tokenizers/metaspace.json", "/tokenizers/words.json",
                                         "/tokenizers/unigram_bytes.json", "/tokenizers/t5.json",
                                         "/tokenizers/bert.json", "/tokenizers/gpt1.json",
                                         "/tokenizers/mistral.json"));

}  // namespace
}  // namespace weft::text
