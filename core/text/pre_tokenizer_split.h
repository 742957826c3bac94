// Cuts words at the matches of a pattern, with the five behaviours tokenizer.json knows. On "a-b"
// cut at "-":
//
//   isolated              a | - | b          merged_with_previous  a- | b
//   removed               a | b              merged_with_next      a | -b
//   contiguous            as isolated, but neighbouring matches stay together
#pragma once

#include <vector>

#include "core/text/pre_tokenizer.h"

namespace weft::text {

// A part of a word: a match, or what stands between two matches.
struct SplitPart {
  Span span;
  bool is_match = false;
};

// Collects the parts of one word: report matches in order, then finish. Reused from word to word.
class SplitParts {
 public:
  void start(Span word);
  // Requires begin and end inside the word, not before the last match's end.
  void match(size_t begin, size_t end);
  // Turns the parts into words by `behavior` and appends those that are not empty to `out`. With
  // `invert`, matches and the rest swap roles.
  void finish(SplitBehavior behavior, bool invert, std::vector<Span>& out);

 private:
  Span word_;
  size_t done_ = 0;
  std::vector<SplitPart> parts_;
};

}  // namespace weft::text
