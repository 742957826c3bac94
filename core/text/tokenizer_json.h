// Reads tokenizer.json in one pass: the vocabulary and the merges, which make up nearly all of it,
// go straight into flat arrays; the rest becomes a small JSON document. A document of everything
// takes several times as long to build, and loading stands between the user and the first token.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/text/tokenizer_fields.h"
#include "core/text/vocab.h"

namespace weft::text {

struct TokenizerJson {
  // One merge: bytes [begin, middle) and [middle, end) of merge_strings.
  struct MergeText {
    uint32_t begin = 0, middle = 0, end = 0;
  };

  Json rest;  // the file without model.vocab (object or array) and model.merges
  std::string vocab_strings;
  std::vector<Vocab::Entry> vocab;
  std::vector<double> scores;  // of vocab, where that is an array of ["token", score]
  bool has_vocab = false;      // as an object
  bool has_scores = false;     // as an array; ids are positions then
  std::string merge_strings;
  std::vector<MergeText> merges;
  bool has_merges = false;
};

// Files above this size are refused (bytes); the largest known tokenizer takes 40 MB.
inline constexpr size_t max_tokenizer_bytes = size_t{1} << 30;

// Fails on bytes that are no JSON, on ids that are no integers in [0, max_token_id), on merges that
// are neither "a b" nor ["a", "b"], and on elements of an array of tokens that are no ["a", -1.5].
Result<TokenizerJson> read_tokenizer_json(std::string_view json);

}  // namespace weft::text
