// WordPiece: from the left, the longest token that fits, until the word is used up; a word that
// cannot be used up is one unknown token. Tokens that do not begin a word are spelled with a prefix
// ("##ing").
//
// Schuster & Nakajima, "Japanese and Korean Voice Search", 2012; the matching is that of Devlin et
// al., "BERT", 2019.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/token_trie.h"
#include "core/text/vocab.h"

namespace weft::text {

class WordPiece {
 public:
  struct Options {
    int32_t unk_id = 0;
    std::string continuing_prefix = "##";
    int64_t max_word_chars = 100;  // longer words are unknown
  };

  // Tokens that vocab.find() does not see are never matched.
  static WordPiece build(Vocab vocab, const Options& options);

  // Appends the ids of one word (valid UTF-8) to `out`. Threads: any.
  void encode_word(std::string_view word, std::vector<int64_t>& out) const;

  const Vocab& vocab() const { return vocab_; }

 private:
  Vocab vocab_;
  Options options_;
  TokenTrie trie_;
  TokenTrie::Node continued_ = TokenTrie::none;  // where tokens that go on a word begin
};

}  // namespace weft::text
