// Unigram: of all ways to cut a word into tokens, the one whose scores (log probabilities) sum
// highest.
//
//   best[end] = max over tokens [begin, end) of best[begin] + score      Viterbi, left to right
//
// A character that no token of its own covers may stand for itself at the lowest score of all, less
// 10; neighbours of that kind are one unknown piece. Kudo, "Subword Regularization", 2018, section
// 3.2; the details are those of SentencePiece's unigram model.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/text/token_trie.h"
#include "core/text/vocab.h"

namespace weft::text {

class Unigram {
 public:
  struct Options {
    int32_t unk_id = -1;         // < 0 where there is none
    bool byte_fallback = false;  // unknown pieces become byte tokens where all of theirs exist
    std::array<int32_t, 256> byte_ids{};  // as byte_token_ids() has them
  };

  // `scores` by id. Tokens that vocab.find() does not see are in no way of cutting. Requires one
  // score for each id.
  static Unigram build(Vocab vocab, std::vector<double> scores, const Options& options);

  // Room for the work on one word; reused from word to word, owned by one thread.
  struct Scratch {
    struct Best {  // the best way to cut the bytes before a place
      double score = 0;
      int64_t begin = -1;  // where its last piece begins; -1: no way known
      int32_t id = -1;     // of the last piece; -1: an unknown character
    };
    std::vector<Best> best;
    std::vector<int64_t> ends;  // of the pieces, last first
    int64_t steps = 0;          // down the trie since the beginning: what encoding costs
  };

  // Appends the ids of one word (valid UTF-8) to `out`. Unknown pieces become byte tokens, or else
  // the unknown token, or else nothing. Time
  // is the word's length times that of the longest token, memory the former. Threads: any, each
  // with its own scratch.
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int64_t>& out) const;

  const Vocab& vocab() const { return vocab_; }

 private:
  void find_best(std::string_view word, Scratch& scratch) const;
  void put_unknown(std::string_view piece, std::vector<int64_t>& out) const;

  Vocab vocab_;
  TokenTrie trie_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  Options options_;
};

}  // namespace weft::text
