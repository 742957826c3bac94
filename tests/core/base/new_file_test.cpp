// A file is under its name whole or not at all, and nothing else is left behind.
#include "core/base/new_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/core/host/scratch_folder.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class NewFiles : public testing::Test {
 protected:
  size_t files() const {
    return size_t(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()));
  }
  host::ScratchFolder scratch;
  const fs::path path = scratch.path() / "file";
};

TEST_F(NewFiles, appear_when_they_are_finished) {
  auto file = NewFile::create(path, ErrorKind::usage);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write("one ").ok());
  ASSERT_TRUE(file->write(std::string(200'000, 'x')).ok());
  ASSERT_TRUE(file->write(" two").ok());
  EXPECT_EQ(file->size_bytes(), 200'008u);
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(file->rewrite(1, std::as_bytes(std::span("NE", 2))).ok());
  ASSERT_TRUE(file->finish().ok());
  EXPECT_EQ(text_of(path), "oNE " + std::string(200'000, 'x') + " two");
  EXPECT_EQ(files(), 1u);
}

TEST_F(NewFiles, that_are_given_up_leave_what_was_there) {
  std::ofstream(path) << "old";
  {
    auto file = NewFile::create(path, ErrorKind::usage);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new").ok());
    ASSERT_TRUE(file->sync().ok());
    EXPECT_EQ(files(), 2u);
  }
  EXPECT_EQ(text_of(path), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(NewFiles, of_two_writers_both_are_whole_and_the_last_stands) {
  auto a = NewFile::create(path, ErrorKind::usage);
  auto b = NewFile::create(path, ErrorKind::usage);
  ASSERT_TRUE(a.ok() && b.ok());
  ASSERT_TRUE(a->write("a").ok() && b->write("b").ok());
  ASSERT_TRUE(b->finish_unsynced().ok());
  EXPECT_EQ(text_of(path), "b");
  ASSERT_TRUE(a->finish_unsynced().ok());
  EXPECT_EQ(text_of(path), "a");
  EXPECT_EQ(files(), 1u);
}

TEST_F(NewFiles, can_be_read_by_whom_the_umask_lets) {
  const mode_t before = ::umask(022);
  auto file = NewFile::create(path, ErrorKind::usage);
  ASSERT_TRUE(file.ok() && file->finish().ok());
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

TEST_F(NewFiles, say_what_cannot_be_written) {
  const auto nowhere = NewFile::create(path / "below" / "it", ErrorKind::usage);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.error().kind, ErrorKind::usage);
  EXPECT_NE(nowhere.error().message.find("cannot write " + (path / "below" / "it").string()),
            std::string::npos);
  fs::create_directories(path / "in the way");
  auto file = NewFile::create(path, ErrorKind::check_failed);
  ASSERT_TRUE(file.ok());
  const Status refused = file->finish();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::check_failed);
}

}  // namespace
}  // namespace weft
