// Added tokens: strings that stand for one id wherever they occur in the text ("<|im_start|>"),
// found before the text is cut into words.
//
// Two sets are searched one after the other: tokens that are matched against the text as given, and
// those (normalized: true) that are matched, themselves normalized, against normalized text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/text/normalizer.h"

namespace weft::text {

struct Field;

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;      // controls the model; parsed only on request, hidden on request
  bool single_word = false;  // matches only between non-word characters
  bool lstrip = false;       // swallows white space before it
  bool rstrip = false;       // swallows white space behind it
  bool normalized = false;   // is matched against normalized text
};

// Finds the leftmost of many strings, and of those that begin there the longest. A trie with the
// nodes' edges in one hash table; time is that of the text times the longest string at worst.
class StringMatcher {
 public:
  void add(std::string_view text,
           uint32_t value);  // an empty text is left out; the first value of a text stays
  bool empty() const { return edges_.empty(); }

  struct Match {
    size_t begin = 0, end = 0;
    uint32_t value = 0;
  };
  // The first match at or behind `from`; false where there is none.
  bool find(std::string_view text, size_t from, Match& match) const;

 private:
  static constexpr uint32_t no_value = ~uint32_t{0};
  bool starts_[256] = {};  // first bytes of the strings: most of a text is passed over by this
  std::unordered_map<uint64_t, uint32_t> edges_;
  std::vector<uint32_t> values_ = {no_value};
};

class AddedTokens {
 public:
  // Reads the array "added_tokens". Fails on ids out of range, ids or contents that occur twice.
  static Result<AddedTokens> parse(const Field& field, const Normalizer& normalizer);

  const std::vector<AddedToken>& list() const { return tokens_; }
  const AddedToken* find(std::string_view content) const;
  const AddedToken* find(int32_t id) const;

  // A piece of text between tokens, or a token (then text is what it covers).
  struct Piece {
    std::string_view text;
    const AddedToken* token = nullptr;
  };
  // Cuts `text` at tokens of the raw or of the normalized set. Special tokens are text unless
  // `parse_special`. The pieces view `text`; no piece of text is empty.
  std::vector<Piece> cut(std::string_view text, bool normalized, bool parse_special) const;

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, uint32_t> by_content_;
  std::unordered_map<int32_t, uint32_t> by_id_;
  StringMatcher raw_, normalized_;
};

}  // namespace weft::text
