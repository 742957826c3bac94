// What is learned of stages: lines over the past, by stage and rows, kept in files.
#include "core/runtime/task_times.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/core/host/scratch_folder.h"

namespace weft::runtime {
namespace {

TEST(TaskTimes, know_nothing_at_first) {
  TaskTimes times;
  EXPECT_EQ(times.expect(0, 256, 0), 0);
  EXPECT_FALSE(times.knows(1));
  times.add(0, 256, 0, 1000);
  EXPECT_TRUE(times.knows(1));
  EXPECT_FALSE(times.knows(2));
}

TEST(TaskTimes, follow_a_stage_that_grows_with_the_cache) {
  TaskTimes times;
  for (const int64_t past : {0, 256, 512, 768}) {
    times.add(3, 256, past, 1000 + 10 * past);
    times.add(4, 256, past, 5000);
  }
  EXPECT_NEAR(double(times.expect(3, 256, 1024)), 11240, 2);
  EXPECT_NEAR(double(times.expect(3, 256, 0)), 1000, 2);
  EXPECT_EQ(times.expect(4, 256, 100000), 5000);
}

TEST(TaskTimes, forget_what_was_long_ago) {
  TaskTimes times;
  for (int i = 0; i < 30; ++i) times.add(0, 16, 0, 1000);
  for (int i = 0; i < 30; ++i) times.add(0, 16, 0, 9000);
  EXPECT_GT(times.expect(0, 16, 0), 8500);
}

TEST(TaskTimes, take_other_numbers_of_rows_in_proportion) {
  TaskTimes times;
  times.add(0, 256, 0, 8000);
  EXPECT_EQ(times.expect(0, 64, 0), 2000);
  times.add(0, 64, 0, 3000);
  EXPECT_EQ(times.expect(0, 64, 0), 3000) << "what ran counts";
  EXPECT_EQ(times.expect(0, 256, 0), 8000);
}

TEST(TaskTimes, are_kept_in_a_file) {
  const host::ScratchFolder folder;
  const auto file = folder.path() / "a.tasktimes";
  TaskTimes times;
  times.add(0, 256, 0, 1000);
  times.add(0, 256, 256, 2000);
  EXPECT_TRUE(times.has_moved());
  ASSERT_TRUE(times.save(file).ok());
  EXPECT_FALSE(times.has_moved());
  TaskTimes again;
  again.load(file);
  EXPECT_FALSE(again.has_moved());
  EXPECT_EQ(again.expect(0, 256, 512), times.expect(0, 256, 512));
  times.add(0, 256, 0, 100000);
  EXPECT_TRUE(times.has_moved());
}

TEST(TaskTimes, a_damaged_file_is_as_good_as_none) {
  const host::ScratchFolder folder;
  const auto file = folder.path() / "a.tasktimes";
  for (const char* text :
       {"", "weft task times 1\n0 256 nonsense\n", "something else\n0 1 1 1 1 1 1\n",
        "weft task times 1\n0 256 1 0 -5 0 0\n",
        "weft task times 1\n0 256 1e308 1e308 1e308 1e309 1\n"}) {
    std::ofstream(file) << text;
    TaskTimes times;
    times.load(file);
    EXPECT_EQ(times.expect(0, 256, 0), 0) << text;
  }
}

}  // namespace
}  // namespace weft::runtime
