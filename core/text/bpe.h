// Byte-pair encoding: a word becomes characters, then the neighbours whose merge ranks first are
// joined (the leftmost first among equals) until no merge applies.
//
// Sennrich, Haddow & Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016,
// section 3.2.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/text/vocab.h"

namespace weft::text {

struct BpeOptions {
  std::string unk_token;  // stands for unknown characters; empty: they are dropped
  bool fuse_unk = false;  // one unk_token for a run of unknown characters
  bool byte_fallback =
      false;  // unknown characters become tokens <0x00>..<0xFF> where all of theirs exist
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  // Part of the spelling of tokens that do not begin a word ("##"), and of those that end one
  // ("</w>"). Words come without; a merge's right part carries the prefix, the joined token does
  // not.
  std::string continuing_prefix, word_suffix;
};

class Bpe {
 public:
  // One merge by the strings it joins; the position in the list is its rank.
  struct Merge {
    std::string_view left, right;
  };

  // Fails when a merge or unk_token names a token that the vocabulary does not hold. The strings of
  // `merges` are not needed afterwards.
  static Result<Bpe> build(Vocab vocab, const std::vector<Merge>& merges,
                           const BpeOptions& options);

  // Room for the work on one word; reused from word to word, owned by one thread.
  struct Scratch {
    struct Symbol {
      int32_t id;
      int64_t previous, next;
    };
    struct Candidate {
      uint32_t rank;
      int32_t merged;
      int64_t position;
    };
    std::vector<int32_t> ids;
    std::vector<uint32_t> ranks;
    std::vector<int32_t> merged;
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of one word (valid UTF-8) to `out`. Threads: any, each with its own scratch.
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int64_t>& out) const;

  const Vocab& vocab() const { return vocab_; }
  // Vocab::hide, for words that are tokens as they are; merges still make the token.
  void hide(std::string_view token) { vocab_.hide(token); }

 private:
  static constexpr uint32_t no_rank = ~uint32_t{0};
  struct PairSlot {
    uint64_t pair = ~uint64_t{0};
    uint32_t rank = no_rank;
    int32_t merged = -1;
  };
  struct Found {
    uint32_t rank = no_rank;
    int32_t merged = -1;
  };

  void insert(int32_t left, int32_t right, uint32_t rank, int32_t merged);
  Found find_merge(int32_t left, int32_t right) const;
  int32_t char_id(std::string_view character) const;
  // The same for a character with the affixes its place in the word asks for.
  int32_t char_id(std::string_view character, bool first, bool last) const;
  bool falls_back(std::string_view bytes) const;  // byte tokens are on, and there for all of these
  void to_symbols(std::string_view word, std::vector<int32_t>& ids) const;
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;

  Vocab vocab_;
  BpeOptions options_;
  int32_t unk_id_ = -1;
  std::array<int32_t, 0x180> char_ids_{};  // ids of the characters below U+0180
  std::array<int32_t, 256> byte_ids_{};    // ids of <0x00>..<0xFF>
  std::vector<PairSlot> pairs_;
};

}  // namespace weft::text
