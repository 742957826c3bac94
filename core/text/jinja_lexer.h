// Cuts a template into tokens: text between tags, the marks of tags, and the words inside them.
//
// White space control is settled here, so that the parser sees final text: `-` beside a mark strips
// up to the next word, a line end right after a block is dropped (trim_blocks) and so is the
// indentation before one (lstrip_blocks), unless `+` forbids it. Comments and {% raw %} end here
// too. The settings are those that chat templates are written for: trim_blocks and lstrip_blocks
// on, one line end at the end of the source dropped, every kind of line end read as "\n".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft::text::jinja {

// `mark` is an operator or bracket; the text of a `string` has its escapes resolved.
enum class TokenKind {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  real,
  mark,
  end
};

struct Token {
  TokenKind kind;
  std::string text;
  int line;
};

// All tokens of `source`, the last of kind `end`. Errors read "line N: ...".
Result<std::vector<Token>> tokenize(std::string_view source);

// "line 12: text": how every error of a template names its place.
Error error_at(int line, const std::string& text);

}  // namespace weft::text::jinja
