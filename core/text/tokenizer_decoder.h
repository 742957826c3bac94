// Decoders of tokenizer.json: what bytes each token stands for.
//
// Supported: ByteLevel ByteFallback Fuse Replace Strip Metaspace WordPiece BPEDecoder Sequence, and
// none (tokens are joined with spaces). Every token stands for fixed bytes, but for what a decoder
// does at the very start and the very end of the text; so text can be streamed token by token.
// Bytes that are no UTF-8 in the end become U+FFFD, one for every maximal part.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/text/normalizer.h"

namespace weft::text {

struct Field;

class TokenDecoder {
 public:
  static Result<TokenDecoder> parse(const Field& field);

  // Where a token stands in a text.
  struct Position {
    bool first = false, last = false;
  };

  // The bytes of a token, before strip_start(). Without a position: in the middle of a text.
  std::string token_bytes(std::string_view token, Position position) const;
  std::string token_bytes(std::string_view token) const { return token_bytes(token, {}); }
  // Whether being first, or last, makes a difference at all.
  bool first_token_differs() const;
  bool last_token_differs() const;

  // Put between tokens: "" or " ".
  std::string_view separator() const { return separator_; }
  // Up to this many of this character are taken off the start of the whole text.
  size_t strip_start_count() const { return strip_start_count_; }
  char strip_start_char() const { return strip_start_char_; }

 private:
  struct ByteLevel {};
  struct ByteFallback {};
  struct Replace {
    Pattern from;
    std::string to;
  };
  struct Strip {
    std::string content;
    size_t start, stop;
  };
  struct Metaspace {
    std::string mark;
    bool drop_first;
  };
  struct WordPiece {  // a space before tokens without the prefix
    std::string prefix;
    bool cleanup;  // and none before punctuation and English contractions
  };
  struct WordEnd {  // a space instead of the suffix
    std::string suffix;
  };
  using Step = std::variant<ByteLevel, ByteFallback, Replace, Strip, Metaspace, WordPiece, WordEnd>;

  Status add(const Field& field, int depth);
  Status add_strip(const Field& field);
  static std::string apply(const Step& step, std::string_view token, Position position);
  static std::string apply(const WordPiece& step, std::string_view token, Position position);

  std::vector<Step> steps_;
  std::string_view separator_ = "";
  bool fused_ = false;  // the steps from here on see the whole text
  size_t strip_start_count_ = 0;
  char strip_start_char_ = ' ';
};

}  // namespace weft::text
