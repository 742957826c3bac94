// Repeats are found by comparing, whatever they are called.
#include "tools/weft/repeats.h"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

std::vector<std::string> letters(const std::string& text) {
  std::vector<std::string> out;
  for (const char c : text) out.emplace_back(1, c);
  return out;
}

TEST(FindRepeats, finds_the_layers_between_head_and_tail) {
  EXPECT_EQ(find_repeats(letters("xyabcdabcdabcdz")), (std::vector<Repeat>{{2, 4, 3}}));
}

TEST(FindRepeats, finds_several_repeats_in_order) {
  EXPECT_EQ(find_repeats(letters("abcabcabcabc-defgdefg")),
            (std::vector<Repeat>{{0, 3, 4}, {13, 4, 2}}));
}

TEST(FindRepeats, takes_the_shortest_period) {
  EXPECT_EQ(find_repeats(letters("abcabcabcabc")), (std::vector<Repeat>{{0, 3, 4}}));
}

TEST(FindRepeats, finds_nothing_where_nothing_repeats) {
  EXPECT_TRUE(find_repeats(letters("abcdefg")).empty());
  EXPECT_TRUE(find_repeats(letters("ababx")).empty()) << "two elements are no layer";
  EXPECT_TRUE(find_repeats({}).empty());
}

}  // namespace
}  // namespace weft::cli
