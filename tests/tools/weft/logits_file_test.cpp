// Files of logits: what is written is read back, nothing half-written is left, and a header never
// leads outside the file.
#include "tools/weft/logits_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace weft::cli {
namespace {

class LogitsFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("weft_logits_" + std::to_string(getpid()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directory(folder_);
    file_ = folder_ / "logits.bin";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // 2 windows of 3 tokens: 4 rows of 5.
  const LogitsShape shape_{5, 3, 2, {11, 12}};

  const std::vector<float> values_ = [] {
    std::vector<float> out;
    for (int i = 0; i < 20; ++i) out.push_back(float(i) / 3);
    return out;
  }();
  void write() {
    auto writer = LogitsWriter::create(file_, shape_);
    ASSERT_TRUE(writer.ok()) << writer.error().message;
    ASSERT_TRUE(writer->write(std::span(values_).first(15)).ok());
    ASSERT_TRUE(writer->write(std::span(values_).subspan(15)).ok());
    ASSERT_TRUE(writer->finish().ok());
  }
  // Replaces 8 bytes of a written file.
  void patch(size_t offset, int64_t value) {
    write();
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(std::streamoff(offset));
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void expect_refused(const std::string& words) {
    const auto file = LogitsFile::open(file_);
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().kind, ErrorKind::usage);
    EXPECT_NE(file.error().message.find(words), std::string::npos) << file.error().message;
    EXPECT_NE(file.error().message.find(file_.string()), std::string::npos);
  }

  std::filesystem::path folder_, file_;
};

TEST_F(LogitsFiles, WhatIsWrittenIsReadBack) {
  write();
  EXPECT_TRUE(is_logits_file(file_));
  EXPECT_EQ(int64_t(std::filesystem::file_size(file_)), shape_.file_bytes());
  const auto file = LogitsFile::open(file_);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->shape().rows(), 4);
  EXPECT_EQ(file->shape().vocabulary, 5);
  EXPECT_EQ(file->shape().ids, shape_.ids);
  for (int64_t row = 0; row < 4; ++row) {
    for (int64_t i = 0; i < 5; ++i)
      EXPECT_EQ(file->row(row)[size_t(i)], values_[size_t(row * 5 + i)]);
  }
}

TEST_F(LogitsFiles, NothingIsLeftOfAFileThatIsNotFinished) {
  {
    auto writer = LogitsWriter::create(file_, shape_);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->write(values_).ok());
    EXPECT_FALSE(std::filesystem::exists(file_));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(LogitsFiles, AFileLargerThanTheDiskIsRefusedBeforeAnythingIsWritten) {
  const auto writer = LogitsWriter::create(file_, {1 << 20, 1 << 20, 1 << 12, {}});
  ASSERT_FALSE(writer.ok());
  EXPECT_NE(writer.error().message.find("the logits take"), std::string::npos)
      << writer.error().message;
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(LogitsFiles, AFolderThatIsNotThereIsNamed) {
  const auto writer = LogitsWriter::create(folder_ / "no" / "file", shape_);
  ASSERT_FALSE(writer.ok());
  EXPECT_NE(writer.error().message.find("no/file"), std::string::npos);
}

TEST_F(LogitsFiles, EveryOtherLengthIsDamage) {
  for (const uintmax_t size : {63u, 64u, 143u, 145u, 1000u}) {
    write();
    std::filesystem::resize_file(file_, size);
    expect_refused(size < 64 ? "is not a file of logits" : "is damaged");
  }
}

TEST_F(LogitsFiles, AHeaderThatLiesIsDamage) {
  for (const size_t offset : {8u, 16u, 24u}) {
    for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{4}, int64_t{1} << 40,
                                INT64_MAX, INT64_MIN}) {
      patch(offset, value);
      expect_refused("is damaged");
    }
  }
}

TEST_F(LogitsFiles, OtherFilesAreNone) {
  EXPECT_FALSE(is_logits_file(file_));
  EXPECT_FALSE(is_logits_file(folder_));
  std::ofstream(file_) << "WEFTLG";
  EXPECT_FALSE(is_logits_file(file_));
  patch(0, 0);
  EXPECT_FALSE(is_logits_file(file_));
  expect_refused("is not a file of logits");
}

}  // namespace
}  // namespace weft::cli
