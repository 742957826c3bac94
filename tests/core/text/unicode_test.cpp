// UTF-8 cleaning, character classes, normal forms and the byte alphabet.
#include "core/text/unicode.h"

#include <gtest/gtest.h>

#include <set>

namespace weft::text {
namespace {

TEST(Unicode, replaces_every_maximal_invalid_part_once) {
  // The example of the Unicode Standard, table 3-11, and its relatives.
  EXPECT_EQ(clean_utf8("\xF1\x80\x80\x41"), "\uFFFD\x41");
  EXPECT_EQ(clean_utf8("\xF0\x80\x80\x41"), "\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(clean_utf8("\xE0\x80\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(clean_utf8("\xC0\xAF\xF4\x91\xFF"), "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(clean_utf8("a\xE6\x97"), "a\uFFFD");
}

TEST(Unicode, leaves_valid_text_alone) {
  std::string text = "a\u00e9\u65e5\U0001F642\U0010FFFF\uD7FF\uE000";
  text.push_back('\0');
  EXPECT_EQ(clean_utf8(text), text);
  EXPECT_TRUE(is_valid_utf8(text));
  EXPECT_FALSE(is_valid_utf8("\xE6\x97"));
}

TEST(Unicode, cleans_a_stream_as_it_cleans_the_whole) {
  uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes, streamed;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525 + 1013904223;
      constexpr unsigned char pool[] = {0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xA0,
                                        0xED, 0x9F, 0xF0, 0x90, 0xF4, 0xFF};
      bytes.push_back(static_cast<char>(pool[(state >> 16) % sizeof pool]));
    }
    Utf8Cleaner cleaner;
    for (char c : bytes) {
      cleaner.push(std::string_view(&c, 1), streamed);
      ASSERT_TRUE(is_valid_utf8(streamed));
    }
    cleaner.flush(streamed);
    ASSERT_EQ(streamed, clean_utf8(bytes));
  }
}

TEST(Unicode, reads_back_every_code_point_it_writes) {
  for (char32_t code = 0; code <= 0x10FFFF; code += code < 0x900 ? 1 : 37) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    append_utf8(text, code);
    Utf8Char c = utf8_at(text, 0);
    ASSERT_EQ(c.code, code);
    ASSERT_EQ(c.size_bytes, text.size());
    ASSERT_TRUE(is_valid_utf8(text));
  }
}

TEST(Unicode, sorts_characters_into_classes) {
  for (char32_t c : {U' ', U'\t', U'\u0085', U'\u00a0', U'\u2003', U'\u3000'})
    EXPECT_TRUE(is_whitespace(c));
  for (char32_t c : {U'a', U'\u180e', U'\u200b', U'\u001c'}) EXPECT_FALSE(is_whitespace(c));
  for (char32_t c : {U'a', U'_', U'7', U'\u00e9', U'\u65e5', U'\u0301', U'\u24b6'})
    EXPECT_TRUE(is_word(c));
  for (char32_t c : {U'-', U' ', U'\u00bd', U'\u3002'}) EXPECT_FALSE(is_word(c));
  for (char32_t c : {U'!', U'$', U'~', U'\u3002', U'\u00bf'}) EXPECT_TRUE(is_punctuation(c));
  for (char32_t c : {U'a', U' ', U'\u20ac'}) EXPECT_FALSE(is_punctuation(c));
  for (char32_t c : {U'0', U'\u00bd', U'\u2177', U'\u0669'}) EXPECT_TRUE(is_numeric(c));
  for (char32_t c : {U'a', U'\u65e5'}) EXPECT_FALSE(is_numeric(c));
  EXPECT_TRUE(is_mark(U'\u0301'));
  EXPECT_TRUE(is_mark(U'\u093f'));
  EXPECT_FALSE(is_mark(U'e'));
}

TEST(Unicode, lowers_the_dotted_capital_i_to_two_characters) {
  std::string out;
  for (char32_t c : {U'A', U'\u00c5', U'\u0130', U'\u03a3', U'7'}) append_lowercase(out, c);
  EXPECT_EQ(out, "a\u00e5i\u0307\u03c37");
}

TEST(Unicode, makes_the_four_normal_forms) {
  EXPECT_EQ(normal_form("e\u0301", NormalForm::nfc), "\u00e9");
  EXPECT_EQ(normal_form("\u00e9", NormalForm::nfd), "e\u0301");
  EXPECT_EQ(normal_form("\ufb01\u00e9", NormalForm::nfkd), "fie\u0301");
  EXPECT_EQ(normal_form("\ufb01e\u0301", NormalForm::nfkc), "fi\u00e9");
  EXPECT_EQ(normal_form("\ufb01", NormalForm::nfc), "\ufb01");
  EXPECT_EQ(normal_form("plain", NormalForm::nfd), "plain");
}

TEST(Unicode, gives_every_byte_a_character_of_its_own) {
  std::set<char32_t> seen;
  for (int byte = 0; byte < 256; ++byte) {
    char32_t c = byte_to_char(static_cast<uint8_t>(byte));
    EXPECT_TRUE(seen.insert(c).second);
    EXPECT_EQ(char_to_byte(c), byte);
  }
  EXPECT_EQ(byte_to_char(' '), U'\u0120');
  EXPECT_EQ(byte_to_char('a'), U'a');
  EXPECT_EQ(char_to_byte(U' '), -1);
  EXPECT_EQ(char_to_byte(U'\u65e5'), -1);
}

TEST(Unicode, finds_clusters_of_characters) {
  EXPECT_EQ(cluster_size("ab", 0), 1u);
  EXPECT_EQ(cluster_size("a\u0301b", 0), 3u);
  EXPECT_EQ(cluster_size("\r\n", 0), 2u);
  EXPECT_EQ(cluster_size("x\U0001F1EB\U0001F1F7\U0001F1EB", 1), 8u);  // one flag
}

TEST(Unicode, tells_controls_and_nonspacing_marks) {
  EXPECT_TRUE(is_control(1) && is_control(0xad) && is_control(0x200b) && is_control(0xe000));
  EXPECT_FALSE(is_control('a') || is_control(' ') || is_control(0x378));
  EXPECT_TRUE(is_nonspacing_mark(0x301));
  EXPECT_FALSE(is_nonspacing_mark(0x93f) || is_nonspacing_mark('a'));
}

}  // namespace
}  // namespace weft::text
