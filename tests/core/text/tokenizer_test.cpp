// Whole tokenizers against what the tokenizers library says
// (tests/data/tokenizers/make_tokenizers.py), and what broken files are told.
#include "core/text/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/text/unicode.h"

namespace weft::text {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;

const std::string data = WEFT_TEST_DATA;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

Tokenizer load(const std::string& path) {
  auto tokenizer = Tokenizer::load(path);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return *tokenizer;
}

const Tokenizer& smollm2() {
  static const Tokenizer tokenizer = load(data + "/smollm2/tokenizer.json");
  return tokenizer;
}

// A field of a golden case, or what is usual where it is left out.
template <typename T>
T golden(const Json& c, const char* name, const T& usual) {
  return c.contains(name) ? c[name].get<T>() : usual;
}

TEST(Tokenizer, agrees_with_every_smollm2_golden) {
  Json goldens = Json::parse(read(data + "/smollm2/tokenizer_goldens.json"));
  ASSERT_EQ(goldens["cases"].size(), 338u);
  for (const Json& c : goldens["cases"]) {
    auto text = c["text"].get<std::string>();
    Ids ids = c["ids"].get<Ids>();
    EXPECT_EQ(smollm2().encode(text, true), ids) << text;
    EXPECT_EQ(smollm2().decode(ids, false), golden(c, "decoded", text));
  }
}

TEST(Tokenizer, encodes_the_prompts_and_decodes_the_answers_of_the_reference_run) {
  Json goldens = Json::parse(read(data + "/smollm2/goldens.json"));
  ASSERT_FALSE(goldens["goldens"].empty());
  for (const Json& c : goldens["goldens"]) {
    EXPECT_EQ(smollm2().encode(c["text"].get<std::string>(), true), c["input_ids"].get<Ids>());
    EXPECT_EQ(smollm2().decode(c["new_ids"].get<Ids>(), false), c["new_text"].get<std::string>());
  }
}

class Styles : public testing::TestWithParam<const char*> {};

TEST_P(Styles, agree_with_the_reference) {
  std::string base = data + "/tokenizers/" + GetParam();
  Tokenizer tokenizer = load(base + ".json");
  Json cases = Json::parse(read(base + ".goldens.json"));
  ASSERT_GT(cases.size(), 90u);
  for (const Json& c : cases) {
    auto text = c["text"].get<std::string>();
    Ids ids = c["ids"].get<Ids>();
    std::string decoded = golden(c, "decoded", text);
    EXPECT_EQ(tokenizer.encode(text, true), ids) << c.dump();
    EXPECT_EQ(tokenizer.encode(text, false), golden(c, "plain", ids)) << c.dump();
    EXPECT_EQ(tokenizer.encode(text, true, true), golden(c, "framed", ids)) << c.dump();
    EXPECT_EQ(tokenizer.decode(ids, false), decoded) << c.dump();
    EXPECT_EQ(tokenizer.decode(ids, true), golden(c, "skipped", decoded)) << c.dump();
  }
}

INSTANTIATE_TEST_SUITE_P(Reference, Styles,
                         testing::Values("gpt2", "roberta", "llama3", "qwen2", "cased", "deepseek",
                                         "llama2", "gemma", "metaspace", "words", "splits", "t5",
                                         "xlm_roberta", "albert", "unigram_bytes", "bert",
                                         "bert_cased", "accents", "word_level", "clip", "gpt1",
                                         "continued", "mistral", "falcon", "starcoder", "phi",
                                         "glm", "bloom", "kimi"),
                         [](const auto& style) { return std::string(style.param); });

TEST(Tokenizer, knows_its_tokens) {
  const Tokenizer& t = smollm2();
  EXPECT_EQ(t.vocab_size(), 49152);
  EXPECT_EQ(t.token_to_id("<|im_end|>"), 2);
  EXPECT_EQ(t.id_to_token(2), "<|im_end|>");
  EXPECT_EQ(t.token_to_id("\u0120hello"), 33662);
  EXPECT_EQ(t.token_bytes(33662), " hello");
  EXPECT_EQ(t.token_to_id("no such token"), std::nullopt);
  EXPECT_EQ(t.added_tokens().size(), 17u);
  EXPECT_TRUE(t.is_special(2));
  EXPECT_FALSE(t.is_special(33662));
  for (int64_t id : {int64_t{-1}, int64_t{49152}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(t.id_to_token(id), std::nullopt);
    EXPECT_EQ(t.token_bytes(id), "");
    EXPECT_FALSE(t.is_special(id));
  }
}

TEST(Tokenizer, passes_over_ids_that_no_token_has) {
  EXPECT_EQ(smollm2().decode(Ids{-5, 28120, 1 << 30, 905}, false), "hello world");
}

TEST(Tokenizer, takes_bytes_that_are_no_utf8_for_replacement_characters) {
  Tokenizer t = load(data + "/tokenizers/gpt2.json");  // has a token for every byte
  EXPECT_EQ(t.encode("a\xFF\xE6\x97z", true), t.encode("a\uFFFD\uFFFDz", true));
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  EXPECT_EQ(t.decode(t.encode(bytes, true), false), clean_utf8(bytes));
}

TEST(Tokenizer, gives_back_any_text_it_is_given) {
  Tokenizer t = load(data + "/tokenizers/gpt2.json");
  uint32_t state = 3;
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    for (int i = 0; i < 60; ++i) {
      state = state * 1664525 + 1013904223;
      bytes.push_back(static_cast<char>(state >> 24));
    }
    ASSERT_EQ(t.decode(t.encode(bytes, true), false), clean_utf8(bytes));
  }
}

TEST(Tokenizer, gets_through_a_long_text_without_a_word_border) {
  std::string text(300000, 'a');
  Ids ids = smollm2().encode(text, true);
  EXPECT_EQ(ids.size(), 75000u);
  EXPECT_EQ(smollm2().decode(ids, false), text);
}

TEST(Tokenizer, gets_through_a_long_line_with_every_model) {
  std::string line;
  while (line.size() < 200000) line += "the\u65e5x\u00e9";
  for (const char* style : {"t5", "unigram_bytes", "bert", "word_level", "gpt1", "mistral"}) {
    Tokenizer tokenizer = load(data + "/tokenizers/" + style + ".json");
    Ids ids = tokenizer.encode(line, true);
    EXPECT_FALSE(ids.empty()) << style;
    EXPECT_LE(ids.size(), line.size()) << style;
  }
}

// A small file with one member of the model or of the top level replaced.
std::string parse_error(const std::string& model_member,
                        const std::string& top_member = R"("version": "1.0")") {
  std::string json = R"({)" + top_member +
                     R"(, "model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"], )" +
                     model_member + "}}";
  auto tokenizer = Tokenizer::parse(json);
  return tokenizer.ok() ? "" : tokenizer.error().message;
}

TEST(Tokenizer, accepts_the_smallest_file) { EXPECT_EQ(parse_error(R"("type": "BPE")"), ""); }

TEST(Tokenizer, names_the_member_it_cannot_use) {
  EXPECT_EQ(parse_error(R"("type": "Foo")"),
            "model.type is \"Foo\"; supported: BPE, Unigram, WordPiece, WordLevel");
  EXPECT_EQ(parse_error(R"("end_of_word_suffix": 3)"),
            "model.end_of_word_suffix is 3; supported: a string");
  EXPECT_EQ(parse_error(R"("unk_token": "<unk>")"),
            "model.unk_token is '<unk>', which model.vocab does not hold");
  EXPECT_EQ(parse_error(R"("fuse_unk": 1)"), "model.fuse_unk is 1; supported: true, false");
  EXPECT_EQ(parse_error(R"("x": 1)", R"("decoder": {"type": "CTC"})")
                .find("decoder.type is \"CTC\"; supported: "),
            0u);
}

TEST(Tokenizer, refuses_tokens_that_contradict_each_other) {
  EXPECT_EQ(parse_error(R"("x": 1)", R"("added_tokens": [{"id": 7, "content": "ab"}])"),
            "added_tokens gives 'ab' the id 7, model.vocab gives it 2; they must agree");
  EXPECT_EQ(parse_error(R"("x": 1)", R"("added_tokens": [{"id": 1, "content": "<s>"}])"),
            "added_tokens gives the id 1 to '<s>', model.vocab to 'b'; they must agree");
  EXPECT_EQ(
      parse_error(
          R"("x": 1)",
          R"("post_processor": {"type": "BertProcessing", "cls": ["a", 0], "sep": ["z", 9]})"),
      "post_processor names the id 9, which no token has");
}

TEST(Tokenizer, refuses_json_that_is_no_tokenizer) {
  auto message = [](std::string_view json) { return Tokenizer::parse(json).error().message; };
  EXPECT_EQ(message("[1]"), "the JSON is no object; supported: the object of a tokenizer.json");
  EXPECT_EQ(message("{}"),
            "model is missing; supported: a model of one of the types BPE, Unigram, WordPiece, "
            "WordLevel");
  EXPECT_EQ(
      message(R"({"model": 3})"),
      "model is 3; supported: a model of one of the types BPE, Unigram, WordPiece, WordLevel");
  EXPECT_EQ(message(R"({"model": {"merges": []}})"),
            "model.vocab is missing; supported: an object of tokens and their ids");
  EXPECT_EQ(message(R"({"model": {"vocab": {}}})"),
            "model.merges is missing; supported: an array of merges");
}

TEST(Tokenizer, names_the_file_it_cannot_read) {
  auto missing = Tokenizer::load("/no/such/tokenizer.json");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message.find("tokenizer '/no/such/tokenizer.json': cannot be read: "),
            0u);
  EXPECT_EQ(missing.error().kind, ErrorKind::usage);
  EXPECT_FALSE(Tokenizer::load(data).ok());  // a folder
}

class Altered : public testing::TestWithParam<const char*> {};

TEST_P(Altered, files_are_refused_or_used) {
  std::string whole = read(data + "/tokenizers/" + GetParam() + ".json");
  ASSERT_TRUE(Tokenizer::parse(whole).ok());
  for (size_t size = 0; size + 2 < whole.size(); size += 97)
    EXPECT_FALSE(Tokenizer::parse(std::string_view(whole).substr(0, size)).ok());
  uint32_t state = 9;
  for (int round = 0; round < 300; ++round) {
    std::string altered = whole;
    for (int i = 0; i < 3; ++i) {
      state = state * 1664525 + 1013904223;
      // Half of the changes go to the first bytes, where everything but the vocabulary is.
      size_t range = i == 0 ? altered.size() : std::min<size_t>(altered.size(), 2500);
      altered[(state >> 8) % range] = "{}[]\",:09-\\atn"[state % 14];
    }
    auto tokenizer = Tokenizer::parse(altered);
    if (tokenizer.ok()) {
      tokenizer->decode(tokenizer->encode("Hello <|im_start|> e\u0301 12", true, true), true);
    } else {
      EXPECT_FALSE(tokenizer.error().message.empty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Robustness, Altered,
                         testing::Values("qwen2", "t5", "unigram_bytes", "bert", "word_level",
                                         "clip", "gpt1"),
                         [](const auto& style) { return std::string(style.param); });

}  // namespace
}  // namespace weft::text
