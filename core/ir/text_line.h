// A cursor over one line of the text form: takes tokens, names, strings and expressions from left
// to right. For the reader of text.h alone.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace weft::ir {

class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}

  // Nothing but space or a comment is left.
  bool done();
  // Takes `token` if it comes next; a word must end where the token does.
  bool take(std::string_view token);
  Status expect(std::string_view token);
  Result<std::string> word();
  Result<std::string> string();
  // "%name" or %"any name".
  Result<std::string> value();
  // The text up to one of `stops` outside parentheses, trailing space removed.
  std::string_view expression(std::string_view stops);
  std::string rest() const;

 private:
  void skip();

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace weft::ir
