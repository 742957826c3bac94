// Text from files on a terminal: characters stay, what could command the terminal or is no UTF-8
// does not.
#include "tools/weft/printable.h"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const std::string_view text :
       {"", "node '/model/layers.0'", "Größe · 東京 · 🙂", "\xc2\xa0", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ControlCharactersAreSpelledOut) {
  EXPECT_EQ(printable("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // the one-character form of ESC [
}

TEST(Printable, BytesThatAreNoCharacterAreSpelledOut) {
  EXPECT_EQ(printable("\xcd"), "\\xcd");
  EXPECT_EQ(printable("\xcdx"), "\\xcdx");
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
}

}  // namespace
}  // namespace weft::cli
