// The behaviours of a split, as folds over the parts from the left (or, merging with the next, from
// the right).
#include "core/text/pre_tokenizer_split.h"

#include <algorithm>

namespace weft::text {

void SplitParts::start(Span word) {
  word_ = word;
  done_ = word.begin;
  parts_.clear();
}

void SplitParts::match(size_t begin, size_t end) {
  if (done_ < begin) parts_.push_back({{done_, begin}, false});
  parts_.push_back({{begin, end}, true});
  done_ = end;
}

void SplitParts::finish(SplitBehavior behavior, bool invert, std::vector<Span>& out) {
  if (done_ < word_.end) parts_.push_back({{done_, word_.end}, false});
  if (invert)
    for (SplitPart& part : parts_) part.is_match = !part.is_match;
  size_t first = out.size();
  bool previous = false;  // whether the part before was a match
  switch (behavior) {
    case SplitBehavior::isolated:
      for (const SplitPart& part : parts_) out.push_back(part.span);
      break;
    case SplitBehavior::removed:
      for (const SplitPart& part : parts_)
        if (!part.is_match) out.push_back(part.span);
      break;
    case SplitBehavior::contiguous:
      for (const SplitPart& part : parts_) {
        if (part.is_match == previous && out.size() > first) {
          out.back().end = part.span.end;
        } else {
          out.push_back(part.span);
        }
        previous = part.is_match;
      }
      break;
    case SplitBehavior::merged_with_previous:
      for (const SplitPart& part : parts_) {
        if (part.is_match && !previous && out.size() > first) {
          out.back().end = part.span.end;
        } else {
          out.push_back(part.span);
        }
        previous = part.is_match;
      }
      break;
    case SplitBehavior::merged_with_next:
      for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
        if (part->is_match && !previous && out.size() > first) {
          out.back().begin = part->span.begin;
        } else {
          out.push_back(part->span);
        }
        previous = part->is_match;
      }
      std::reverse(out.begin() + static_cast<ptrdiff_t>(first), out.end());
      break;
  }
  auto empty = [](const Span& span) { return span.begin == span.end; };
  out.erase(std::remove_if(out.begin() + static_cast<ptrdiff_t>(first), out.end(), empty),
            out.end());
}

}  // namespace weft::text
