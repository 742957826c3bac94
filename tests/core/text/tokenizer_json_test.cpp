// The one pass over tokenizer.json: where vocabulary and merges end up, and what malformed files
// are told.
#include "core/text/tokenizer_json.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

std::string error(std::string_view json) {
  auto result = read_tokenizer_json(json);
  return result.ok() ? "" : result.error().message;
}

TEST(TokenizerJson, takes_vocabulary_and_merges_out_of_the_document) {
  auto json = read_tokenizer_json(
      R"({"version": "1", "model": {"type": "BPE", "vocab": {"a": 0, "b": 2, "ab": 1},
          "merges": [["a", "b"], "b a"],
          "fuse": true}, "vocab": {"not": "this"}, "list": [1, [2, {"x": 3.5}], null]})");
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_EQ(json->rest.dump(),
            R"({"list":[1,[2,{"x":3.5}],null],"model":{"fuse":true,"type":"BPE"},)"
            R"("version":"1","vocab":{"not":"this"}})");
  ASSERT_EQ(json->vocab.size(), 3u);
  EXPECT_EQ(json->vocab_strings, "abab");
  EXPECT_EQ(json->vocab[2].begin, 2u);
  EXPECT_EQ(json->vocab[2].end, 4u);
  EXPECT_EQ(json->vocab[2].id, 1);
  ASSERT_EQ(json->merges.size(), 2u);
  EXPECT_EQ(json->merge_strings, "abba");
  EXPECT_EQ(json->merges[1].middle, 3u);
}

TEST(TokenizerJson, keeps_spaces_inside_the_parts_of_a_pair) {
  auto json = read_tokenizer_json(R"({"model": {"vocab": {}, "merges": [["a b", "c"]]}})");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->merge_strings, "a bc");
  EXPECT_EQ(json->merges[0].middle, 3u);
}

TEST(TokenizerJson, reads_a_list_of_tokens_and_scores) {
  auto json = read_tokenizer_json(
      R"({"model": {"type": "Unigram", "vocab": [["a", -1.5], ["", 0], ["bc", -3]], "x": 1}})");
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_FALSE(json->has_vocab);
  EXPECT_TRUE(json->has_scores);
  EXPECT_EQ(json->rest["model"].dump(), R"({"type":"Unigram","x":1})");
  EXPECT_EQ(json->scores, (std::vector<double>{-1.5, 0, -3}));
  EXPECT_EQ(json->vocab_strings, "abc");
  ASSERT_EQ(json->vocab.size(), 3u);
  EXPECT_EQ(json->vocab[2].begin, 1u);
  EXPECT_EQ(json->vocab[2].end, 3u);
  EXPECT_EQ(json->vocab[2].id, 2);
}

TEST(TokenizerJson, refuses_scored_tokens_that_are_none) {
  for (const char* piece : {"\"a\"", "[\"a\"]", "[-1.5, \"a\"]", "[\"a\", \"b\"]", "[\"a\", 1, 2]",
                            "[\"a\", null]", "[\"a\", [1]]", "1", "{}", "null", "[]", "[{}]"})
    EXPECT_EQ(error(std::string(R"({"model": {"vocab": [["x", 0], )") + piece + "]}}"),
              "model.vocab[1] is no token with a score; supported: [\"a\", -1.5]")
        << piece;
}

TEST(TokenizerJson, refuses_every_truncation) {
  std::string whole =
      R"({"model": {"vocab": {"a": 0, "\u00e9": 1}, "merges": [["a", "b"], "b a"]}, "x": [1.5]})";
  ASSERT_EQ(error(whole), "");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(error(whole.substr(0, size)).find("is not valid JSON"), std::string::npos) << size;
}

TEST(TokenizerJson, survives_any_changed_byte) {
  std::string whole =
      R"({"model": {"vocab": {"a": 0, "\u00e9": 1}, "merges": [["a", "b"], "b a"]}, "x": [1.5]})";
  int refused = 0;
  for (size_t at = 0; at < whole.size(); ++at)
    for (char byte : {'{', '}', '[', ']', '"', ',', '9', '-', '\\', '\0', '\xff'}) {
      std::string changed = whole;
      changed[at] = byte;
      refused += read_tokenizer_json(changed).ok() ? 0 : 1;
    }
  EXPECT_GT(refused, 100);
}

TEST(TokenizerJson, refuses_ids_that_are_none) {
  EXPECT_EQ(error(R"({"model": {"vocab": {"a": -1}}})"),
            "model.vocab['a'] is -1; supported: token ids from 0 to 4194303");
  for (const char* id :
       {"4194304", "18446744073709551615", "1e30", "1.5", "null", "true", "\"x\"", "{}", "[]"})
    EXPECT_NE(error(std::string(R"({"model": {"vocab": {"a": )") + id + "}}}")
                  .find("model.vocab['a'] is"),
              std::string::npos)
        << id;
}

TEST(TokenizerJson, refuses_merges_that_are_none) {
  for (const char* merge : {"\"ab\"", "\"a b c\"", "[\"a\"]", "[\"a\", \"b\", \"c\"]", "1",
                            "[1, 2]", "{}", "null", "[[\"a\", \"b\"]]"})
    EXPECT_EQ(error(std::string(R"({"model": {"vocab": {}, "merges": ["a b", )") + merge + "]}}"),
              "model.merges[1] is no merge; supported: \"a b\", [\"a\", \"b\"]")
        << merge;
}

TEST(TokenizerJson, refuses_a_second_vocabulary_and_endless_nesting) {
  EXPECT_NE(error(R"({"model": {"vocab": {}, "vocab": {}}})").find("occurs twice"),
            std::string::npos);
  EXPECT_NE(error(R"({"model": {"vocab": {}, "vocab": []}})").find("occurs twice"),
            std::string::npos);
  EXPECT_EQ(error(std::string(100000, '[')), "nests too deeply");
}

}  // namespace
}  // namespace weft::text
