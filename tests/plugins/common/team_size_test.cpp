// How a team gives threads up to busy neighbours and takes them back; plugins/common/team_size.h.
#include "plugins/common/team_size.h"

#include <gtest/gtest.h>

namespace weft::common {
namespace {

constexpr uint64_t kMs = 1'000'000;

// Runs of 4 ms, one after the other with a pause of 1 ms, at whose last barrier the caller has
// slept through `percent` of the time.
struct Runs {
  TeamSize team;
  uint64_t now = 0;

  uint32_t run(uint64_t percent, uint32_t want = 2) {
    const uint64_t slept = 4 * kMs * percent / 100;
    uint32_t size = team.begin(want, now);
    now += 4 * kMs;
    if (size > 1) size = team.between(size, slept, now);
    team.end(slept, now);
    now += kMs;
    return size;
  }
  uint32_t run_many(int count, uint64_t percent, uint32_t want = 2) {
    uint32_t size = 0;
    for (int i = 0; i < count; i++) size = run(percent, want);
    return size;
  }
};

TEST(TeamSize, a_quiet_machine_keeps_the_whole_team) {
  Runs runs;
  for (int i = 0; i < 100; i++) EXPECT_EQ(runs.run(20), 2u);
}

TEST(TeamSize, one_slow_start_says_nothing) {
  Runs runs;
  EXPECT_EQ(runs.run(90), 2u);
  for (int i = 0; i < 20; i++) EXPECT_EQ(runs.run(0), 2u);
}

TEST(TeamSize, who_sleeps_through_half_the_time_goes_on_alone) {
  Runs runs;
  EXPECT_EQ(runs.run_many(4, 50), 1u);
  EXPECT_EQ(runs.run(0), 1u);
}

TEST(TeamSize, a_long_run_gives_a_thread_up_before_its_end) {
  TeamSize team;
  EXPECT_EQ(team.begin(2, 0), 2u);
  EXPECT_EQ(team.between(2, 5 * kMs, 10 * kMs), 2u);
  EXPECT_EQ(team.between(2, 10 * kMs, 20 * kMs), 1u);
}

TEST(TeamSize, the_larger_team_is_tried_again_and_kept_when_it_does_well) {
  Runs runs;
  EXPECT_EQ(runs.run_many(4, 50), 1u);
  EXPECT_EQ(runs.run_many(20, 5), 2u);
  for (int i = 0; i < 20; i++) EXPECT_EQ(runs.run(5), 2u);
}

TEST(TeamSize, trials_that_fail_become_rare) {
  Runs runs;
  int together = 0;
  for (int i = 0; i < 400; i++) together += runs.run(60) == 2;
  EXPECT_GE(together, 12);
  EXPECT_LE(together, 40);
}

TEST(TeamSize, large_teams_give_up_one_thread_at_a_time) {
  Runs runs;
  EXPECT_EQ(runs.run_many(4, 60, 8), 7u);
  EXPECT_EQ(runs.run_many(4, 60, 8), 6u);
  EXPECT_EQ(runs.run(0, 4), 4u);
}

TEST(TeamSize, one_thread_stays_one) {
  Runs runs;
  EXPECT_EQ(runs.run_many(10, 0, 1), 1u);
  EXPECT_EQ(runs.run(0, 2), 2u);
}

}  // namespace
}  // namespace weft::common
