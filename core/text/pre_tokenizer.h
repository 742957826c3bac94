// Pre-tokenizers of tokenizer.json: how text is cut into words, which merges never cross.
//
// Supported: ByteLevel Split Digits Punctuation Whitespace WhitespaceSplit CharDelimiterSplit
// Metaspace BertPreTokenizer Sequence.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/text/normalizer.h"

namespace weft::text {

// Bytes [begin, end) of a text.
struct Span {
  size_t begin = 0, end = 0;
};

// A text and the words in it, in order, none empty. Bytes between words are dropped.
struct Words {
  std::string text;
  std::vector<Span> spans;
  bool at_start = true;  // the text begins where the user's text begins
};

// What becomes of the matches of a pattern that cuts a text.
enum class SplitBehavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };

class PreTokenizer {
 public:
  // An absent or null field gives a pre-tokenizer that leaves the text in one piece.
  static Result<PreTokenizer> parse(const Field& field);

  // Cuts `text` (valid UTF-8). `at_start`: nothing stands before it in the user's text. Threads:
  // any.
  Words cut(std::string_view text, bool at_start) const;

 private:
  struct Split {
    Pattern pattern;
    SplitBehavior behavior;
    bool invert;
  };
  struct CharSplit {
    enum class Class { numeric, punctuation, whitespace, delimiter } kind;
    char32_t delimiter;
    SplitBehavior behavior;
  };
  struct WordRuns {};  // runs of word characters, and runs of neither those nor white space
  struct ByteLevel {
    bool add_prefix_space, use_regex;
    Regex words;
  };
  struct Metaspace {
    enum class Prepend { always, first, never } prepend;
    bool split;
    std::string mark;
  };
  using Step = std::variant<Split, CharSplit, WordRuns, ByteLevel, Metaspace>;

  Status add(const Field& field, int depth);
  Result<Step> parse_split(const Field& field) const;
  Result<Step> parse_byte_level(const Field& field) const;
  Result<Step> parse_metaspace(const Field& field) const;

  static void apply(const Split& step, Words& words);
  static void apply(const CharSplit& step, Words& words);
  static void apply(const WordRuns& step, Words& words);
  static void apply(const ByteLevel& step, Words& words);
  static void apply(const Metaspace& step, Words& words);

  std::vector<Step> steps_;
};

}  // namespace weft::text
