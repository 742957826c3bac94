// The member "model": which models are read, and what is said about those that are not.
#include "core/text/word_model.h"

#include <gtest/gtest.h>

#include "core/text/added_tokens.h"
#include "core/text/tokenizer_json.h"

namespace weft::text {
namespace {

Result<WordModel> parse(const std::string& model, const std::string& added_tokens = "[]") {
  TokenizerJson json = TRY(
      read_tokenizer_json(R"({"added_tokens": )" + added_tokens + R"(, "model": )" + model + "}"));
  Field root{&json.rest, ""};
  AddedTokens added = TRY(AddedTokens::parse(root.member("added_tokens"), Normalizer()));
  return WordModel::parse(json, root.member("model"), added);
}

std::string error(const std::string& model, const std::string& added_tokens = "[]") {
  auto result = parse(model, added_tokens);
  return result.ok() ? "" : result.error().message;
}

std::vector<int64_t> encode(const Result<WordModel>& model, std::string_view word) {
  WordModel::Scratch scratch;
  std::vector<int64_t> ids;
  EXPECT_TRUE(model.ok()) << model.error().message;
  if (model.ok()) model->encode_word(word, scratch, ids);
  return ids;
}

using Ids = std::vector<int64_t>;

TEST(WordModel, reads_every_type) {
  EXPECT_EQ(encode(parse(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2},
                             "merges": ["a b"], "dropout": 0.5})"),
                   "ab"),
            (Ids{2}));
  EXPECT_EQ(
      encode(parse(R"({"type": "Unigram", "vocab": [["a", -1], ["b", -1], ["ab", -1]]})"), "abb"),
      (Ids{2, 1}));
  EXPECT_EQ(
      encode(parse(R"({"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1, "##b": 2}})"), "ab"),
      (Ids{1, 2}));
  EXPECT_EQ(
      encode(parse(R"({"type": "WordLevel", "vocab": {"?": 0, "a": 1}, "unk_token": "?"})"), "a"),
      (Ids{1}));
}

TEST(WordModel, guesses_the_type_of_files_older_than_the_member) {
  EXPECT_EQ(encode(parse(R"({"vocab": [["a", -1], ["aa", -1]]})"), "aa"), (Ids{1}));
  EXPECT_EQ(encode(parse(R"({"vocab": {"[UNK]": 0, "a": 1}, "max_input_chars_per_word": 2})"), "a"),
            (Ids{1}));
  EXPECT_EQ(encode(parse(R"({"vocab": {"a": 1}, "merges": []})"), "a"), (Ids{1}));
}

TEST(WordModel, gives_words_the_affixes_of_bpe) {
  auto model = parse(R"({"type": "BPE", "vocab": {"a": 0, "-b": 1, "-c#": 2, "ab": 3, "abc#": 4,
      "a#": 5}, "merges": ["a -b", "ab -c#"], "continuing_subword_prefix": "-",
      "end_of_word_suffix": "#"})");
  EXPECT_EQ(encode(model, "abc"), (Ids{4}));
  EXPECT_EQ(encode(model, "a"), (Ids{5}));
  EXPECT_EQ(encode(model, "abb"), (Ids{3}));  // the last is "-b#", which is unknown
}

TEST(WordModel, never_makes_a_special_token_of_a_word) {
  const char* added = R"([{"id": 1, "content": "<s>", "special": true}])";
  EXPECT_EQ(
      encode(parse(R"({"type": "WordLevel", "vocab": {"<unk>": 0, "<s>": 1}})", added), "<s>"),
      (Ids{0}));
  EXPECT_EQ(
      encode(parse(R"({"type": "WordPiece", "vocab": {"[UNK]": 0, "<s>": 1}})", added), "<s>"),
      (Ids{0}));
  EXPECT_EQ(
      encode(parse(R"({"type": "Unigram", "vocab": [["?", 0], ["<s>", 0]], "unk_id": 0})", added),
             "<s>"),
      (Ids{0}));
  EXPECT_EQ(encode(parse(R"({"type": "BPE", "vocab": {"s": 0, "<s>": 1}, "merges": [],
                             "ignore_merges": true})",
                         added),
                   "<s>"),
            (Ids{0}));
}

TEST(WordModel, keeps_byte_tokens_that_are_special) {
  EXPECT_EQ(encode(parse(R"({"type": "Unigram", "vocab": [["?", 0], ["<0x78>", 0]], "unk_id": 0,
                             "byte_fallback": true})",
                         R"([{"id": 1, "content": "<0x78>", "special": true}])"),
                   "xx"),
            (Ids{1, 1}));
}

TEST(WordModel, names_what_it_cannot_use) {
  EXPECT_EQ(error("3"),
            "model is 3; supported: a model of one of the types BPE, Unigram, WordPiece, "
            "WordLevel");
  EXPECT_EQ(error(R"({"type": "Foo"})"),
            "model.type is \"Foo\"; supported: BPE, Unigram, WordPiece, WordLevel");
  EXPECT_EQ(error(R"({"type": "BPE", "vocab": [["a", 0]]})"),
            "model.vocab is an array; supported: an object of tokens and their ids");
  EXPECT_EQ(error(R"({"type": "Unigram", "vocab": {"a": 0}})"),
            "model.vocab is an object; supported: an array of [\"token\", score]");
  EXPECT_EQ(error(R"({"type": "Unigram", "vocab": []})"),
            "model.vocab is empty; supported: a Unigram model of at least one token");
  EXPECT_EQ(error(R"({"type": "Unigram"})"),
            "model.vocab is missing; supported: an array of [\"token\", score]");
  EXPECT_EQ(error(R"({"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1})"),
            "model.unk_id is 1, and model.vocab holds 1 tokens; supported: the id of one of them");
  EXPECT_EQ(error(R"({"type": "Unigram", "vocab": [["a", 0]], "unk_id": "a"})"),
            "model.unk_id is \"a\"; supported: an integer");
  EXPECT_EQ(error(R"({"type": "WordPiece", "vocab": {"a": 0}})"),
            "model.unk_token is '[UNK]', which model.vocab does not hold");
  EXPECT_EQ(error(R"({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "b"})"),
            "model.unk_token is 'b', which model.vocab does not hold");
  EXPECT_EQ(error(R"({"type": "WordPiece", "vocab": {"[UNK]": 0},
                      "max_input_chars_per_word": -1})"),
            "model.max_input_chars_per_word is -1; supported: 0 to 1073741824");
  EXPECT_EQ(
      error(R"({"type": "WordLevel", "vocab": {"<unk>": 0}})", R"([{"id": 0, "content": "x"}])"),
      "added_tokens gives the id 0 to 'x', model.vocab to '<unk>'; they must agree");
}

}  // namespace
}  // namespace weft::text
