// Decoders, token by token.
#include "core/text/tokenizer_decoder.h"

#include <gtest/gtest.h>

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

Result<TokenDecoder> parse(std::string_view json) {
  Json value = Json::parse(json);
  return TokenDecoder::parse(Field{&value, "decoder"});
}

std::string bytes(std::string_view json, std::string_view token) {
  auto decoder = parse(json);
  return decoder.ok() ? decoder->token_bytes(token) : decoder.error().message;
}

TEST(TokenDecoder, turns_the_byte_alphabet_into_bytes) {
  const char* json = R"({"type": "ByteLevel"})";
  EXPECT_EQ(bytes(json, "\u0120a"), " a");
  EXPECT_EQ(bytes(json, "\u00e6\u0139"), "\xE6\x97");
  EXPECT_EQ(bytes(json, "a b\u65e5"), "a b\u65e5");  // not of the alphabet: stands for itself
}

TEST(TokenDecoder, turns_byte_tokens_into_bytes) {
  const char* json = R"({"type": "ByteFallback"})";
  EXPECT_EQ(bytes(json, "<0xE6>"), "\xE6");
  EXPECT_EQ(bytes(json, "<0x4g>"), "<0x4g>");
  EXPECT_EQ(bytes(json, "<0x041>"), "<0x041>");
}

TEST(TokenDecoder, runs_a_sequence_and_leaves_the_start_of_the_text_to_its_reader) {
  auto decoder = parse(
      R"({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"},
      "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
      {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})");
  ASSERT_TRUE(decoder.ok()) << decoder.error().message;
  EXPECT_EQ(decoder->token_bytes("\u2581\u2581the"), "  the");
  EXPECT_EQ(decoder->token_bytes("<0x0A>"), "\n");
  EXPECT_EQ(decoder->strip_start_count(), 1u);
  EXPECT_EQ(decoder->strip_start_char(), ' ');
  EXPECT_FALSE(decoder->first_token_differs());
  EXPECT_EQ(decoder->separator(), "");
}

TEST(TokenDecoder, strips_every_token_where_nothing_is_fused) {
  EXPECT_EQ(bytes(R"({"type": "Strip", "content": "_", "start": 2, "stop": 1})", "___a__"), "_a_");
}

TEST(TokenDecoder, drops_the_marks_of_the_first_token_only) {
  auto decoder = parse(R"({"type": "Metaspace", "prepend_scheme": "first"})");
  ASSERT_TRUE(decoder.ok());
  EXPECT_TRUE(decoder->first_token_differs());
  EXPECT_EQ(decoder->token_bytes("\u2581the", {.first = true}), "the");
  EXPECT_EQ(decoder->token_bytes("\u2581the"), " the");
  EXPECT_FALSE(parse(R"({"type": "Metaspace", "prepend_scheme": "never"})")->first_token_differs());
}

TEST(TokenDecoder, joins_word_pieces_and_takes_back_spaces) {
  auto decoder = parse(R"({"type": "WordPiece", "prefix": "##", "cleanup": true})");
  ASSERT_TRUE(decoder.ok());
  EXPECT_TRUE(decoder->first_token_differs());
  EXPECT_EQ(decoder->token_bytes("##a", {.first = true}), "##a");
  EXPECT_EQ(decoder->token_bytes("a", {.first = true}), "a");
  EXPECT_EQ(decoder->token_bytes("##a##"), "a##");
  EXPECT_EQ(decoder->token_bytes("a"), " a");
  EXPECT_EQ(decoder->token_bytes("."), ".");
  EXPECT_EQ(decoder->token_bytes("n't"), "n't");
  EXPECT_EQ(bytes(R"({"type": "WordPiece", "cleanup": false})", "."), " .");
}

TEST(TokenDecoder, puts_spaces_for_word_ends_but_for_the_last) {
  auto decoder = parse(R"({"type": "BPEDecoder", "suffix": "</w>"})");
  ASSERT_TRUE(decoder.ok());
  EXPECT_TRUE(decoder->last_token_differs());
  EXPECT_FALSE(decoder->first_token_differs());
  EXPECT_EQ(decoder->token_bytes("a</w>"), "a ");
  EXPECT_EQ(decoder->token_bytes("a</w>", {.last = true}), "a");
  EXPECT_EQ(decoder->token_bytes("a"), "a");
}

TEST(TokenDecoder, replaces_patterns) {
  EXPECT_EQ(bytes(R"({"type": "Replace", "pattern": {"Regex": "[ab]+"}, "content": "."})", "xabya"),
            "x.y.");
}

TEST(TokenDecoder, joins_with_spaces_where_there_is_none) {
  EXPECT_EQ(parse("null")->separator(), " ");
  EXPECT_EQ(parse("null")->token_bytes("a"), "a");
}

TEST(TokenDecoder, names_what_it_cannot_do) {
  EXPECT_EQ(bytes(R"({"type": "CTC"})", ""),
            "decoder.type is \"CTC\"; supported: ByteLevel, ByteFallback, Fuse, Replace, Strip, "
            "Metaspace, WordPiece, BPEDecoder, Sequence");
  EXPECT_EQ(
      bytes(R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteLevel"}]})", ""),
      "decoder.decoders[1].type is \"ByteLevel\"; supported: after a Fuse: Strip, Fuse");
  EXPECT_EQ(bytes(R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
                      {"type": "Strip", "content": " ", "start": 0, "stop": 1}]})",
                  ""),
            "decoder.decoders[1].stop is 1; supported: after a Fuse: 0");
  EXPECT_EQ(bytes(R"({"type": "Replace", "pattern": "a", "content": ""})", ""),
            "decoder.pattern is \"a\"; supported: {\"String\": ...}, {\"Regex\": ...}");
  EXPECT_EQ(bytes(R"({"type": "Strip", "content": " ", "start": -1, "stop": 0})", ""),
            "decoder.start is -1; supported: 0 to 1024");
}

}  // namespace
}  // namespace weft::text
