// Normalizers of tokenizer.json: what is done to text before it is cut into words.
//
// Supported: NFC NFD NFKC NFKD Lowercase StripAccents Strip Replace Prepend ByteLevel Precompiled
// Nmt BertNormalizer Sequence.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/text/charsmap.h"
#include "core/text/unicode.h"
#include "core/text/unicode_regex.h"

namespace weft::text {

struct Field;

// A string or a regular expression to look for, as {"String": ...} or {"Regex": ...} in the file.
class Pattern {
 public:
  static Result<Pattern> parse(const Field& field);
  // As Regex::for_each_match. An empty string matches nowhere.
  bool for_each_match(std::string_view text,
                      const std::function<void(size_t begin, size_t end)>& on_match) const;
  // `text` with every match replaced.
  std::string replace_all(std::string_view text, std::string_view replacement) const;

 private:
  std::variant<std::string, Regex> what_;
};

class Normalizer {
 public:
  // An absent or null field gives a normalizer that changes nothing.
  static Result<Normalizer> parse(const Field& field);

  // Takes and returns valid UTF-8. With `first_dropped`, tells whether the text's first character
  // left nothing behind (what is then first in the text did not begin it). Threads: any.
  std::string normalize(std::string_view text, bool* first_dropped = nullptr) const;
  bool empty() const { return steps_.empty(); }

 private:
  // strip_nonspacing and the two below it are steps of BertNormalizer: accents without the spacing
  // marks; control characters out and white space to spaces; spaces around Chinese characters.
  enum class Simple {
    lowercase,
    strip_accents,
    strip_nonspacing,
    clean_controls,
    space_out_chinese,
    nmt,
    byte_level
  };
  struct Strip {
    bool left, right;
  };
  struct Replace {
    Pattern pattern;
    std::string content;
  };
  struct Prepend {
    std::string text;
  };
  using Step = std::variant<NormalForm, Simple, Strip, Replace, Prepend, Charsmap>;

  Status add(const Field& field, int depth);
  Status add_bert(const Field& field);
  static bool drops_first(const Step& step, std::string_view text);
  static std::string apply(const Simple& step, std::string_view text);
  static std::string apply(const Step& step, std::string_view text);

  std::vector<Step> steps_;
};

}  // namespace weft::text
