// Patterns in Ruby syntax, run by PCRE2: what is rewritten, what is refused, what a search reports.
#include "core/text/unicode_regex.h"

#include <gtest/gtest.h>

#include <vector>

namespace weft::text {
namespace {

// The matches joined with '|', or the error.
std::string matches(std::string_view pattern, std::string_view text) {
  auto regex = Regex::compile(pattern);
  if (!regex.ok()) return regex.error().message;
  std::string out;
  bool done = regex->for_each_match(text, [&](size_t begin, size_t end) {
    out.append(out.empty() ? "" : "|").append(text.substr(begin, end - begin));
  });
  return done ? out : out + "(limit)";
}

TEST(Regex, finds_matches_from_left_to_right) {
  EXPECT_EQ(matches(R"(\p{L}+|\p{N}{1,3})", "ab 12345 \u65e5\u672c"), "ab|123|45|\u65e5\u672c");
  EXPECT_EQ(matches(R"((?i:'s|'ll))", "it'S they'll"), "'S|'ll");
}

TEST(Regex, steps_over_empty_matches) {
  auto regex = Regex::compile("x*");
  ASSERT_TRUE(regex.ok());
  std::vector<std::pair<size_t, size_t>> found;
  EXPECT_TRUE(
      regex->for_each_match("a\u00e9xxb", [&](size_t b, size_t e) { found.emplace_back(b, e); }));
  EXPECT_EQ(found, (std::vector<std::pair<size_t, size_t>>{{0, 0}, {1, 1}, {3, 5}, {6, 6}}));
}

TEST(Regex, takes_white_space_as_unicode_defines_it) {
  EXPECT_EQ(matches(R"(a\sb)", "a\u180eb a\u3000b a\u0085b"), "a\u3000b|a\u0085b");
  EXPECT_EQ(matches(R"([^\s]+)", "a\u180eb c"), "a\u180eb|c");
  EXPECT_EQ(matches(R"([^\S\n]+)", "a \n b"), " | ");
  EXPECT_EQ(matches(R"(\S+)", "a\u2028b"), "a|b");
}

TEST(Regex, reads_ruby_escapes_and_intervals) {
  EXPECT_EQ(matches(R"(\h+)", "xyz0fG"), "0f");
  EXPECT_EQ(matches(R"([\H]+)", "12zz3"), "zz");
  EXPECT_EQ(matches("a{,2}b", "aaab"), "aab");
  EXPECT_EQ(matches("^a|b$", "xa\na\nb\nbx"), "a|b");
  EXPECT_EQ(matches(R"(\w+)", "e\u0301_\u24b6-x"), "e\u0301_\u24b6|x");
  EXPECT_EQ(matches(R"(\W)", "a-b"), "-");
  EXPECT_EQ(matches("a{b", "a{b"), "a{b");
  EXPECT_EQ(matches(R"([]a]+)", "x]a"), "]a");
  EXPECT_EQ(matches("[[:digit:]]+", "a12"), "12");
}

TEST(Regex, joins_and_subtracts_classes) {
  EXPECT_EQ(matches("[a[bc]d]+", "abcd[]"), "abcd");
  EXPECT_EQ(matches("[^(\\s|[.,])]+", "ab.cd |e"), "ab|cd|e");
  EXPECT_EQ(matches("[a[-z]]+", "abz-"), "a|z-");
  EXPECT_EQ(matches("[a[b]-z]+", "cab-z"), "ab-z");
  EXPECT_EQ(matches("[a-z&&[^aeiou]]+", "strength"), "str|ngth");
  EXPECT_EQ(matches("x?[\\p{L}&&[^\\p{Han}]]+", "xy\u4e2d"), "xy");
}

TEST(Regex, takes_scripts_without_their_extensions) {
  EXPECT_EQ(matches("\\p{Han}+", "\u4e2d\u3001\u6587"),
            "\u4e2d|\u6587");  // a comma of many scripts
  EXPECT_EQ(matches("[\\p{^Han}]+", "\u4e2d\u3001\u6587"), "\u3001");
  EXPECT_EQ(matches("\\p{Lu}\\p{Alphabetic}", "Ab"), "Ab");
}

TEST(Regex, refuses_what_the_two_syntaxes_read_differently) {
  EXPECT_NE(matches(R"(\p{N}{1,3}+)", "1").find("'}+'"), std::string::npos);
  EXPECT_NE(matches("[a&&b]", "a").find("'&&' in a class"), std::string::npos);
  EXPECT_NE(matches("[^a&&[^b]]", "a").find("'&&' in a class"), std::string::npos);
  EXPECT_NE(matches("[a&&[^b]c]", "a").find("'&&' in a class"), std::string::npos);
  EXPECT_NE(matches("[a&&[^b]&&[^c]]", "a").find("'&&' in a class"), std::string::npos);
  EXPECT_NE(matches("[&&[^b]]", "a").find("'&&' in a class"), std::string::npos);
  EXPECT_NE(matches("[a[^b]]", "a").find("a class inside a class"), std::string::npos);
  EXPECT_NE(matches("[a[b[c]]]", "a").find("a class inside a class"), std::string::npos);
  EXPECT_NE(matches("[a-[b]]", "a").find("a class inside a class"), std::string::npos);
  EXPECT_NE(matches("[a&&[^b", "a").find("does not compile"), std::string::npos);
  EXPECT_EQ(matches(R"(\p{L}+)", "ab"), "ab");  // the brace of a property is no interval
}

TEST(Regex, says_what_is_wrong_with_a_pattern_that_does_not_compile) {
  for (std::string_view pattern : {"(a", "[a", "a**{", "\\", "(?<n>", "\\p{Nonsense}"}) {
    auto regex = Regex::compile(pattern);
    if (regex.ok()) continue;
    EXPECT_NE(regex.error().message.find("does not compile"), std::string::npos);
    EXPECT_NE(regex.error().message.find(pattern), std::string::npos);
  }
  EXPECT_FALSE(Regex::compile("(a").ok());
}

TEST(Regex, gives_up_on_a_search_that_backtracks_without_end) {
  EXPECT_EQ(matches("b|(?:a+)+$x", "b" + std::string(60, 'a') + "!"), "b(limit)");
}

TEST(Regex, matches_a_long_run_without_a_stack_overflow) {
  std::string text(200000, 'a');
  EXPECT_EQ(matches("(?:a|b)+", text), text);
}

}  // namespace
}  // namespace weft::text
