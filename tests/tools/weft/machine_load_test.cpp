// machine_load.h: the text of /proc/stat, and shares that stay shares.
#include "tools/weft/machine_load.h"

#include <gtest/gtest.h>

namespace weft::cli {
namespace {

TEST(MachineLoad, CountsEveryKindOfWorkAndNoWaiting) {
  const auto ticks = parse_processor_ticks(
      "cpu  100 20 3 5000 700 4 5 6 90 9\n"
      "cpu0 50 10 2 2500 350 2 3 3 0 0\n"
      "cpu1 50 10 1 2500 350 2 2 3 0 0\n"
      "intr 12345 0 0\nctxt 99\n");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->busy, 100 + 20 + 3 + 4 + 5 + 6);
  EXPECT_EQ(ticks->processors, 2);
}

TEST(MachineLoad, ReadsAnOlderKernelsShorterLine) {
  const auto ticks = parse_processor_ticks("cpu  100 20 3 5000 700\ncpu0 100 20 3 5000 700\n");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->busy, 123);
  EXPECT_EQ(ticks->processors, 1);
}

TEST(MachineLoad, SaysNothingAboutTextOfAnotherKind) {
  EXPECT_FALSE(parse_processor_ticks(""));
  EXPECT_FALSE(parse_processor_ticks("cpu  1 2\ncpu0 1 2\n"));
  EXPECT_FALSE(parse_processor_ticks("cpu  a b c d e f g h\ncpu0 1 2 3 4 5 6 7 8\n"));
  EXPECT_FALSE(parse_processor_ticks("cpu  1 2 3 4 5 6 7 8\n"));  // no processor
}

TEST(MachineLoad, IsAShareOnceSomethingWasMeasured) {
  MachineLoad load;
  EXPECT_FALSE(load.others_percent());
  for (int span = 0; span < 2; ++span) {
    load.start();
    volatile double sum = 0;
    for (int i = 0; i < 100000; ++i) sum = sum + i;
    load.stop();
    ASSERT_TRUE(load.others_percent());
    EXPECT_GE(*load.others_percent(), 0);
    EXPECT_LE(*load.others_percent(), 100);
  }
}

}  // namespace
}  // namespace weft::cli
