// Regular expressions of tokenizer files, run by PCRE2.
//
// The files are written for Oniguruma's Ruby syntax. Where the two libraries read a pattern
// differently, the pattern is rewritten before it is compiled, or refused if it cannot be:
//
//   \s \S \w \h \H     become explicit classes (PCRE2 10.42 has other members)
//   \p{Han}            becomes \p{sc:Han}: the script, not Script_Extensions
//   {,n}               becomes {0,n}
//   ^ and $            match at line ends, always
//   [a[bc]]            becomes [abc]
//   [a&&[^b]]          becomes (?:(?![b])[a])
//   a{1,3}+            refused: possessive in PCRE2, a repeated repeat in Oniguruma
//   [a&&b] [a[^b]]     refused, as other class arithmetic, which PCRE2 does not have
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace weft::text {

// The PCRE2 spelling of a pattern in Ruby syntax, as above.
Result<std::string> to_pcre2_syntax(std::string_view pattern);

// One compiled pattern. Any number of threads may search with one Regex.
class Regex {
 public:
  // Fails with the library's message and the position in the pattern.
  static Result<Regex> compile(std::string_view pattern);

  // Calls on_match(begin, end) for every match in `text` (valid UTF-8), left to right, byte
  // offsets. An empty match right behind the previous match is passed over. A search that exceeds
  // the limits on backtracking ends there, as if nothing more matched; the result is false then.
  bool for_each_match(std::string_view text,
                      const std::function<void(size_t begin, size_t end)>& on_match) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace weft::text
