#include "core/base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace weft {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
 protected:
  MappedFileTest() {
    std::string pattern = (fs::temp_directory_path() / "weft_mapped_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~MappedFileTest() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  fs::path folder_;
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappedFileTest, gives_the_bytes_of_the_file) {
  auto file = MappedFile::open(write("a", "hello"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(text_of(**file), "hello");
  EXPECT_EQ((*file)->identity().size, 5u);
}

TEST_F(MappedFileTest, keeps_the_bytes_after_the_file_is_removed) {
  fs::path path = write("a", "hello");
  auto file = MappedFile::open(path);
  ASSERT_TRUE(file.ok());
  fs::remove(path);
  EXPECT_EQ(text_of(**file), "hello");
}

TEST_F(MappedFileTest, an_empty_file_has_no_bytes) {
  auto file = MappedFile::open(write("a", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST_F(MappedFileTest, a_missing_file_is_named_in_the_error) {
  auto file = MappedFile::open(folder_ / "none");
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find("none' cannot be opened"), std::string::npos);
}

TEST_F(MappedFileTest, a_folder_is_not_a_file) {
  auto file = MappedFile::open(folder_);
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find("is a folder"), std::string::npos);
}

TEST_F(MappedFileTest, a_pipe_is_refused_without_waiting_for_a_writer) {
  fs::path path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  auto file = MappedFile::open(path);
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find("is a pipe"), std::string::npos);
}

TEST_F(MappedFileTest, identity_differs_between_files_and_repeats_for_one) {
  fs::path a = write("a", "hello"), b = write("b", "hello");
  auto first = MappedFile::open(a), again = MappedFile::open(a), other = MappedFile::open(b);
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_EQ((*first)->identity(), (*again)->identity());
  EXPECT_NE((*first)->identity(), (*other)->identity());
}

// Memory of this process that a file lies behind, in KiB.
long resident_file_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "RssFile:" && status >> kib) return kib;
  }
  return -1;
}

TEST_F(MappedFileTest, gives_pages_back_and_reads_them_again) {
  constexpr size_t kSize = size_t{32} << 20;
  auto file = MappedFile::open(write("large", std::string(kSize, 'x')));
  ASSERT_TRUE(file.ok());
  const auto read_all = [&] {
    size_t sum = 0;
    for (const std::byte byte : (*file)->bytes()) sum += size_t(byte);
    return sum;
  };
  EXPECT_EQ(read_all(), kSize * 'x');
  const long before = resident_file_kib();
  ASSERT_GT(before, 0);
  MappedFile::release_pages();
  EXPECT_LE(resident_file_kib(), before - long(kSize >> 11));
  EXPECT_EQ(read_all(), kSize * 'x');
}

}  // namespace
}  // namespace weft
