// The five behaviours of a split; the expected pieces are those of the tokenizers library.
#include "core/text/pre_tokenizer_split.h"

#include <gtest/gtest.h>

namespace weft::text {
namespace {

// "-a--b-c-" cut at every '-', the pieces joined with spaces.
std::string cut(SplitBehavior behavior, bool invert = false, std::string_view text = "-a--b-c-") {
  SplitParts parts;
  parts.start({0, text.size()});
  for (size_t at = text.find('-'); at != std::string_view::npos; at = text.find('-', at + 1))
    parts.match(at, at + 1);
  std::vector<Span> spans;
  parts.finish(behavior, invert, spans);
  std::string out;
  for (const Span& span : spans)
    out.append(out.empty() ? "" : " ").append(text.substr(span.begin, span.end - span.begin));
  return out;
}

TEST(Split, isolates) { EXPECT_EQ(cut(SplitBehavior::isolated), "- a - - b - c -"); }

TEST(Split, removes) {
  EXPECT_EQ(cut(SplitBehavior::removed), "a b c");
  EXPECT_EQ(cut(SplitBehavior::removed, true), "- - - - -");
}

TEST(Split, merges_with_the_previous) {
  EXPECT_EQ(cut(SplitBehavior::merged_with_previous), "- a- - b- c-");
}

TEST(Split, merges_with_the_next) {
  EXPECT_EQ(cut(SplitBehavior::merged_with_next), "-a - -b -c -");
}

TEST(Split, keeps_neighbours_of_a_kind_together) {
  EXPECT_EQ(cut(SplitBehavior::contiguous), "- a -- b - c -");
  EXPECT_EQ(cut(SplitBehavior::contiguous, true), "- a -- b - c -");
}

TEST(Split, leaves_a_word_without_matches_whole) {
  for (auto behavior :
       {SplitBehavior::isolated, SplitBehavior::removed, SplitBehavior::merged_with_previous,
        SplitBehavior::merged_with_next, SplitBehavior::contiguous})
    EXPECT_EQ(cut(behavior, false, "abc"), "abc");
}

TEST(Split, drops_empty_pieces) {
  SplitParts parts;
  parts.start({2, 4});
  parts.match(2, 2);
  parts.match(3, 3);
  std::vector<Span> spans;
  parts.finish(SplitBehavior::isolated, false, spans);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].begin, 3u);
}

}  // namespace
}  // namespace weft::text
