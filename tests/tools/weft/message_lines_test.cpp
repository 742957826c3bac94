// When a message is complete, and what of its lines belongs to it.
#include "tools/weft/message_lines.h"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

// The message that exactly these lines make.
std::string message(std::initializer_list<const char*> lines) {
  MessageLines input;
  size_t added = 0;
  for (const char* line : lines) {
    EXPECT_EQ(input.add(line), ++added == lines.size()) << line;
    EXPECT_EQ(input.pending(), added < lines.size()) << line;
  }
  return input.take();
}

TEST(MessageLines, a_line_is_a_message) {
  EXPECT_EQ(message({"hello"}), "hello");
  EXPECT_EQ(message({""}), "");
  EXPECT_EQ(message({"two\nlines of a paste"}), "two\nlines of a paste");
}

TEST(MessageLines, a_backslash_at_the_end_goes_on) {
  EXPECT_EQ(message({"one\\", "two\\", "three"}), "one\ntwo\nthree");
  EXPECT_EQ(message({"\\", ""}), "\n");
  EXPECT_EQ(message({"inner \\ stays"}), "inner \\ stays");
}

TEST(MessageLines, quotes_hold_any_number_of_lines) {
  EXPECT_EQ(message({"\"\"\"", "one", "", "two\\", "\"\"\""}), "one\n\ntwo\\");
  EXPECT_EQ(message({"\"\"\"one", "two\"\"\""}), "one\ntwo");
  EXPECT_EQ(message({"\"\"\"all of it\"\"\""}), "all of it");
  EXPECT_EQ(message({"\"\"\"\"\"\""}), "");
  EXPECT_EQ(message({"\"\"\"\npasted\nblock\n\"\"\""}), "pasted\nblock");
}

TEST(MessageLines, tells_blocks_from_lines) {
  MessageLines input;
  EXPECT_TRUE(input.add("\"\"\"/help\"\"\""));
  EXPECT_TRUE(input.was_block());
  EXPECT_EQ(input.take(), "/help");
  EXPECT_TRUE(input.add("/help"));
  EXPECT_FALSE(input.was_block());
  EXPECT_EQ(input.take(), "/help");
  EXPECT_FALSE(input.add("\"\"\" open"));
  EXPECT_TRUE(input.in_block());
}

}  // namespace
}  // namespace weft::cli
