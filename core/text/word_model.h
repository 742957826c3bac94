// The `model` of a tokenizer.json: what turns one word into ids. BPE, Unigram, WordPiece or
// WordLevel (a table of whole words).
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/text/bpe.h"
#include "core/text/unigram.h"
#include "core/text/vocab.h"
#include "core/text/word_piece.h"

namespace weft::text {

class AddedTokens;
struct Field;
struct TokenizerJson;

// Every word is a token or unknown.
class WordLevel {
 public:
  WordLevel(Vocab vocab, int32_t unk_id) : vocab_(std::move(vocab)), unk_id_(unk_id) {}
  void encode_word(std::string_view word, std::vector<int64_t>& out) const;
  const Vocab& vocab() const { return vocab_; }

 private:
  Vocab vocab_;
  int32_t unk_id_;
};

class WordModel {
 public:
  // Reads "model"; takes the vocabulary and the merges out of `json`. The special tokens of `added`
  // are hidden from words: text that spells one can never become its id here, it must be found
  // before (BPE's merges excepted, which the file's maker controls). Fails on other types, members
  // of the wrong kind, unknown tokens that are none, and where `added` and the vocabulary disagree
  // about an id.
  static Result<WordModel> parse(TokenizerJson& json, const Field& field, const AddedTokens& added);

  // Room for the work on one word; reused from word to word, owned by one thread.
  struct Scratch {
    Bpe::Scratch bpe;
    Unigram::Scratch unigram;
  };
  // Appends the ids of one word (valid UTF-8) to `out`. Threads: any, each with its own scratch.
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int64_t>& out) const;

  // Strings and ids; find() may not see special tokens.
  const Vocab& vocab() const;

 private:
  using Kind = std::variant<Bpe, Unigram, WordPiece, WordLevel>;
  explicit WordModel(Kind kind) : kind_(std::move(kind)) {}

  Kind kind_;
};

}  // namespace weft::text
