#include "core/base/log.h"

#include <gtest/gtest.h>

namespace weft::log {
namespace {

class Log : public testing::Test {
 protected:
  void SetUp() override { before_ = level(); }
  void TearDown() override { set_level(before_); }
  Level before_ = Level::warn;
};

TEST_F(Log, shows_lines_up_to_the_level_on_stderr_only) {
  set_level(Level::info);
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  error("{} of {}", 1, 3);
  info("seen");
  debug("not seen");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "weft: error: 1 of 3\nweft: info: seen\n");
}

TEST_F(Log, knows_its_level) {
  for (const Level one : {Level::error, Level::warn, Level::info, Level::debug, Level::trace}) {
    set_level(one);
    EXPECT_EQ(level(), one);
    EXPECT_TRUE(enabled(one));
  }
  set_level(Level::warn);
  EXPECT_FALSE(enabled(Level::info));
}

TEST_F(Log, shows_control_characters_as_question_marks_and_braces_as_they_are) {
  testing::internal::CaptureStderr();
  write(Level::error, "a\x1b[31m\nb\t{}");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "weft: error: a?[31m?b\t{}\n");
}

TEST_F(Log, parses_level_names) {
  EXPECT_EQ(*parse_level("trace"), Level::trace);
  EXPECT_EQ(*parse_level("error"), Level::error);
  auto wrong = parse_level("loud");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
  EXPECT_EQ(wrong.error().message,
            "log level 'loud' is not known; use error, warn, info, debug or trace");
}

}  // namespace
}  // namespace weft::log
