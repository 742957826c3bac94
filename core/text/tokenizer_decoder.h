// Decoders of tokenizer.json: what bytes each token stands for.
//
// Supported: ByteLevel ByteFallback Fuse Replace (of a string) Strip Metaspace Sequence, and none
// (tokens are joined with spaces). Every token stands for fixed bytes, but for what a decoder does
// at the very start of the text; so text can be streamed token by token. Bytes that are no UTF-8 in
// the end become U+FFFD, one for every maximal part.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

struct Field;

class TokenDecoder {
 public:
  static Result<TokenDecoder> parse(const Field& field);

  // The bytes of a token anywhere but at the start of a text.
  std::string token_bytes(std::string_view token) const;
  // The bytes of a token that opens a text, before strip_start().
  std::string first_token_bytes(std::string_view token) const;
  // Whether first_token_bytes differs from token_bytes at all.
  bool first_token_differs() const;

  // Put between tokens: "" or " ".
  std::string_view separator() const { return separator_; }
  // Up to this many of this character are taken off the start of the whole text.
  size_t strip_start_count() const { return strip_start_count_; }
  char strip_start_char() const { return strip_start_char_; }

 private:
  struct ByteLevel {};
  struct ByteFallback {};
  struct Replace {
    std::string from, to;
  };
  struct Strip {
    std::string content;
    size_t start, stop;
  };
  struct Metaspace {
    std::string mark;
    bool drop_first;
  };
  using Step = std::variant<ByteLevel, ByteFallback, Replace, Strip, Metaspace>;

  Status add(const Field& field, int depth);
  Status add_strip(const Field& field);
  static std::string apply(const Step& step, std::string_view token, bool first);
  std::string run(std::string_view token, bool first) const;

  std::vector<Step> steps_;
  std::string_view separator_ = "";
  bool fused_ = false;  // the steps from here on see the whole text
  size_t strip_start_count_ = 0;
  char strip_start_char_ = ' ';
};

}  // namespace weft::text
