#include "core/host/threads.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace weft::host {
namespace {

struct Counts {
  explicit Counts(size_t n) : hits(n) {}
  static void WEFT_CALL count(void* arg, uint32_t i) {
    static_cast<Counts*>(arg)->hits[i].fetch_add(1);
  }
  bool all(int expected) const {
    for (const auto& hit : hits)
      if (hit.load() != expected) return false;
    return true;
  }
  std::vector<std::atomic<int>> hits;
};

TEST(ThreadPool, parallel_for_runs_each_item_once) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const uint32_t n : {0u, 1u, 2u, 3u, 1000u}) {
      Counts counts(n);
      EXPECT_EQ(pool.parallel_for(n, Counts::count, &counts), WEFT_OK);
      EXPECT_TRUE(counts.all(1)) << threads << " threads, " << n << " items";
    }
  }
}

// Members meet at a barrier many times: they end only if all of them run at once.
struct Meeting {
  uint32_t members;
  std::atomic<uint32_t> arrived{0};
  std::atomic<int> rounds{0};
  static void WEFT_CALL meet(void* arg, uint32_t id) {
    Meeting& m = *static_cast<Meeting*>(arg);
    for (uint32_t round = 1; round <= 50; ++round) {
      m.arrived.fetch_add(1);
      while (m.arrived.load() < round * m.members) std::this_thread::yield();
    }
    if (id == 0) m.rounds.fetch_add(1);
  }
};

TEST(ThreadPool, a_team_runs_at_once_so_that_it_may_hold_barriers) {
  ThreadPool pool(4);
  for (uint32_t members = 1; members <= 4; ++members) {
    Meeting meeting{members};
    EXPECT_EQ(pool.run_team(members, Meeting::meet, &meeting), WEFT_OK);
    EXPECT_EQ(meeting.rounds.load(), 1);
    EXPECT_EQ(meeting.arrived.load(), 50 * members);
  }
}

TEST(ThreadPool, a_team_has_the_caller_as_member_zero_and_different_threads) {
  ThreadPool pool(3);
  std::vector<std::thread::id> who(3);
  const auto note = [](void* arg, uint32_t id) {
    (*static_cast<std::vector<std::thread::id>*>(arg))[id] = std::this_thread::get_id();
  };
  ASSERT_EQ(pool.run_team(3, note, &who), WEFT_OK);
  EXPECT_EQ(who[0], std::this_thread::get_id());
  EXPECT_EQ(std::set(who.begin(), who.end()).size(), 3u);
}

TEST(ThreadPool, a_team_larger_than_the_pool_is_busy_and_nothing_runs) {
  ThreadPool pool(2);
  Counts counts(3);
  EXPECT_EQ(pool.run_team(3, Counts::count, &counts), WEFT_E_BUSY);
  EXPECT_TRUE(counts.all(0));
  EXPECT_EQ(pool.run_team(0, Counts::count, &counts), WEFT_OK);
}

TEST(ThreadPool, inside_a_job_a_team_is_busy_and_loose_work_runs_in_the_caller) {
  ThreadPool pool(2);
  struct Nested {
    ThreadPool& pool;
    std::atomic<int> busy{0}, alone{0}, items{0};
  } nested{pool};
  const auto inside = [](void* arg, uint32_t) {
    Nested& n = *static_cast<Nested*>(arg);
    Counts counts(10);
    if (n.pool.run_team(2, Counts::count, &counts) == WEFT_E_BUSY) n.busy.fetch_add(1);
    if (n.pool.run_team(1, Counts::count, &counts) == WEFT_OK) n.alone.fetch_add(1);
    counts.hits[0] = 0;
    n.pool.parallel_for(10, Counts::count, &counts);
    if (counts.all(1)) n.items.fetch_add(10);
  };
  ASSERT_EQ(pool.run_team(2, inside, &nested), WEFT_OK);
  EXPECT_EQ(nested.busy.load(), 2);
  EXPECT_EQ(nested.alone.load(), 2);
  EXPECT_EQ(nested.items.load(), 20);
}

TEST(ThreadPool, many_short_jobs_of_changing_size_lose_no_item) {
  ThreadPool pool(4);
  Counts counts(4);
  int expected[4] = {0, 0, 0, 0};
  for (uint32_t i = 0; i < 20'000; ++i) {
    const uint32_t n = 1 + i % 4;
    ASSERT_EQ(i % 3 ? pool.run_team(n, Counts::count, &counts)
                    : pool.parallel_for(n, Counts::count, &counts),
              WEFT_OK);
    for (uint32_t k = 0; k < n; ++k) ++expected[k];
  }
  for (size_t k = 0; k < 4; ++k) EXPECT_EQ(counts.hits[k].load(), expected[k]);
}

TEST(ThreadPool, wakes_workers_that_have_parked) {
  ThreadPool pool(3);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // longer than any spinning
    Meeting meeting{3};
    ASSERT_EQ(pool.run_team(3, Meeting::meet, &meeting), WEFT_OK);
  }
}

TEST(ThreadPool, callers_from_different_threads_share_it) {
  ThreadPool pool(3);
  std::atomic<int64_t> done{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        Counts counts(7);
        pool.parallel_for(7, Counts::count, &counts);
        if (counts.all(1)) done.fetch_add(1);
        Meeting meeting{2};
        const weft_status status = pool.run_team(2, Meeting::meet, &meeting);
        if (status == WEFT_OK ? meeting.rounds == 1 : meeting.arrived == 0u) done.fetch_add(1);
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done.load(), 3 * 500 * 2);
}

TEST(ThreadPool, starts_and_ends_without_work) {
  for (int i = 0; i < 50; ++i) {
    const ThreadPool pool(3);
    EXPECT_EQ(pool.size(), 3);
  }
}

}  // namespace
}  // namespace weft::host
