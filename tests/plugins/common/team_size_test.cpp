// How a team gives threads up to busy neighbours and takes them back; plugins/common/team_size.h.
#include "plugins/common/team_size.h"

#include <gtest/gtest.h>

namespace weft::common {
namespace {

constexpr uint64_t kMs = 1'000'000;

// A run from `now` on that lasts 4 ms, in which the caller sleeps for `slept`; its last size.
uint32_t run(TeamSize& team, uint64_t now, uint64_t slept, uint32_t want = 2) {
  const uint32_t size = team.between(team.begin(want, now), slept, now, now + 4 * kMs);
  team.end();
  return size;
}

TEST(TeamSize, a_quiet_machine_keeps_the_whole_team) {
  TeamSize team;
  for (uint64_t i = 0; i < 100; i++) EXPECT_EQ(run(team, i * 5 * kMs, kMs), 2u);
}

TEST(TeamSize, short_sleeps_say_nothing) {
  TeamSize team;
  EXPECT_EQ(team.between(2, 100'000, 0, 150'000), 2u);
}

TEST(TeamSize, who_sleeps_through_half_a_run_goes_on_alone) {
  TeamSize team;
  EXPECT_EQ(run(team, 0, 2 * kMs), 1u);
  EXPECT_EQ(run(team, 5 * kMs, 0), 1u);
}

TEST(TeamSize, the_larger_team_is_tried_again_and_kept_when_it_does_well) {
  TeamSize team;
  EXPECT_EQ(run(team, 0, 2 * kMs), 1u);
  EXPECT_EQ(run(team, 30 * kMs, 0), 2u);
  EXPECT_EQ(run(team, 35 * kMs, 0), 2u);
}

TEST(TeamSize, trials_that_fail_become_rare) {
  TeamSize team;
  uint64_t now = 0;
  int trials = 0;
  for (; now < 1000 * kMs; now += 5 * kMs)
    trials += team.begin(2, now) == 2 && run(team, now, 3 * kMs);
  EXPECT_GE(trials, 4);
  EXPECT_LE(trials, 8);
}

TEST(TeamSize, large_teams_give_up_one_thread_at_a_time) {
  TeamSize team;
  EXPECT_EQ(run(team, 0, 3 * kMs, 8), 7u);
  EXPECT_EQ(run(team, 5 * kMs, 3 * kMs, 8), 6u);
  EXPECT_EQ(run(team, 10 * kMs, 0, 4), 4u);
}

TEST(TeamSize, one_thread_stays_one) {
  TeamSize team;
  EXPECT_EQ(run(team, 0, 3 * kMs, 1), 1u);
  EXPECT_EQ(run(team, 5 * kMs, 0, 2), 2u);
}

}  // namespace
}  // namespace weft::common
