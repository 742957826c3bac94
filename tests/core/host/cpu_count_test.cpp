#include <gtest/gtest.h>
#include <sched.h>

#include <string>

#include "core/host/threads.h"

namespace weft::host {
namespace {

TEST(CpuCount, a_quota_is_worth_whole_processors_and_at_least_one) {
  EXPECT_EQ(cpus_of_quota("max 100000"), 0);
  EXPECT_EQ(cpus_of_quota("-1 100000"), 0);
  EXPECT_EQ(cpus_of_quota("50000 100000"), 1);
  EXPECT_EQ(cpus_of_quota("150000 100000"), 1);
  EXPECT_EQ(cpus_of_quota("400000 100000"), 4);
}

TEST(CpuCount, text_of_another_form_is_no_limit) {
  for (const char* text : {"", " ", "100000", "100000 ", "a b", "100000 0", "100000,100000",
                           "99999999999999999999999 1"})
    EXPECT_EQ(cpus_of_quota(text), 0) << text;
}

TEST(CpuCount, follows_the_affinity_of_the_process) {
  cpu_set_t before, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(default_thread_count(), 1);
  EXPECT_LE(default_thread_count(), CPU_COUNT(&before));
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
      break;
    }
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(default_thread_count(), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace weft::host
