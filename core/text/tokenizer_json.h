// Reads tokenizer.json in one pass: the vocabulary and the merges, which make up nearly all of it,
// go straight into flat arrays; the rest becomes a small JSON document. A document of everything
// takes several times as long to build, and loading stands between the user and the first token.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/text/bpe_vocab.h"
#include "core/text/tokenizer_fields.h"

namespace weft::text {

struct TokenizerJson {
  // One merge: bytes [begin, middle) and [middle, end) of merge_strings.
  struct MergeText {
    uint32_t begin = 0, middle = 0, end = 0;
  };

  Json rest;  // the file without model.vocab (where that is an object) and model.merges
  std::string vocab_strings;
  std::vector<BpeVocab::Entry> vocab;
  bool has_vocab = false;
  std::string merge_strings;
  std::vector<MergeText> merges;
  bool has_merges = false;
};

// Files above this size are refused (bytes); the largest known tokenizer takes 40 MB.
inline constexpr size_t max_tokenizer_bytes = size_t{1} << 30;

// Fails on bytes that are no JSON, on ids that are no integers in [0, max_token_id), and on merges
// that are neither "a b" nor ["a", "b"].
Result<TokenizerJson> read_tokenizer_json(std::string_view json);

}  // namespace weft::text
