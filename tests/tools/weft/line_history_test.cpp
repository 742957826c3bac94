// The history file: private, one entry a line, short enough, and never in the way.
#include "tools/weft/line_history.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/core/host/scratch_folder.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

TEST(LineHistory, gives_back_what_was_added_line_breaks_and_backslashes_included) {
  const host::ScratchFolder scratch;
  const LineHistory history(scratch.path() / "state" / "weft" / "chat_history");
  EXPECT_TRUE(history.load()->empty());
  const std::vector<std::string> entries = {"plain", "two\nlines", "\\n is no break", "end\\", "é"};
  for (const std::string& entry : entries) ASSERT_TRUE(history.append(entry).ok());
  EXPECT_EQ(*history.load(), entries);
}

TEST(LineHistory, only_the_owner_may_read_it) {
  const host::ScratchFolder scratch;
  const fs::path file = scratch.path() / "state" / "weft" / "chat_history";
  ASSERT_TRUE(LineHistory(file).append("secret").ok());
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(file.parent_path()).permissions(), fs::perms::owner_all);
  fs::permissions(file, fs::perms::all);
  ASSERT_TRUE(LineHistory(file).append("another").ok());
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(LineHistory, a_long_file_is_cut_down_to_the_latest_entries) {
  const host::ScratchFolder scratch;
  const fs::path file = scratch.path() / "state" / "weft" / "chat_history";
  const LineHistory history(file);
  ASSERT_TRUE(history.append("first").ok());
  {
    std::ofstream out(file, std::ios::app);
    for (int i = 0; i < 2500; ++i) out << "entry " << i << "\n";
  }
  const auto cut = history.load();
  ASSERT_EQ(cut->size(), 1000u);
  EXPECT_EQ(cut->back(), "entry 2499");
  EXPECT_EQ(history.load()->size(), 1000u);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(LineHistory, keeps_nothing_without_a_path_and_says_when_it_cannot_write) {
  EXPECT_TRUE(LineHistory("").append("gone").ok());
  EXPECT_TRUE(LineHistory("").load()->empty());
  const host::ScratchFolder scratch;
  std::ofstream(scratch.path() / "file") << "in the way";
  const Status refused = LineHistory(scratch.path() / "file" / "weft" / "history").append("x");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("chat history"), std::string::npos);
}

TEST(LineHistory, lives_where_the_environment_says) {
  setenv("XDG_STATE_HOME", "/some/state", 1);
  EXPECT_EQ(LineHistory::usual_path(), "/some/state/weft/chat_history");
  setenv("XDG_STATE_HOME", "relative", 1);
  setenv("HOME", "/home/user", 1);
  EXPECT_EQ(LineHistory::usual_path(), "/home/user/.local/state/weft/chat_history");
}

}  // namespace
}  // namespace weft::cli
