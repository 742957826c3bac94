// Work that waits for events: its order, who starts it, and what it learns about failed waits.
#include "plugins/common/backlog.h"

#include <gtest/gtest.h>

#include <thread>

namespace weft::common {
namespace {

struct BacklogTest : testing::Test {
  EventPool pool;
  std::shared_ptr<Backlog> backlog =
      std::make_shared<Backlog>([](HostEvent* wait) { return wait->is_done(); });
  std::vector<int> started;

  // Work that writes down its number, or the negative of it where a wait has failed.
  void add(int number, std::vector<weft_event*> waits) {
    backlog->add(
        waits, [this, number](HostEvent* poison) { started.push_back(poison ? -number : number); });
  }
};

TEST_F(BacklogTest, work_starts_in_order_and_each_when_its_waits_are_done) {
  HostEvent *first = pool.take(1), *second = pool.take(1);
  add(1, {});
  EXPECT_EQ(started, std::vector<int>{1});
  add(2, {plugin::handle(first), plugin::handle(second)});
  add(3, {plugin::handle(second)});
  add(4, {});
  EXPECT_FALSE(backlog->is_ready({}));
  second->signal(WEFT_OK);
  EXPECT_EQ(started, std::vector<int>{1});
  first->signal(WEFT_OK);
  EXPECT_EQ(started, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_TRUE(backlog->is_ready({}));
  for (HostEvent* event : {first, second}) event->release();
}

TEST_F(BacklogTest, work_is_told_that_a_wait_has_failed) {
  HostEvent *good = pool.take(1), *bad = pool.take(1);
  add(1, {plugin::handle(good), plugin::handle(bad)});
  add(2, {plugin::handle(good)});
  bad->signal(WEFT_E_CANCELLED);
  EXPECT_TRUE(started.empty());
  good->signal(WEFT_OK);
  EXPECT_EQ(started, (std::vector<int>{-1, 2}));
  for (HostEvent* event : {good, bad}) event->release();
}

TEST_F(BacklogTest, an_event_that_nobody_else_owns_lives_until_the_work_has_started) {
  HostEvent* gate = pool.take(2);
  add(1, {plugin::handle(gate)});
  gate->release();
  gate->signal(WEFT_OK);
  gate->release();
  EXPECT_EQ(started, std::vector<int>{1});
  EXPECT_EQ(pool.take(1), gate);
}

TEST_F(BacklogTest, work_of_many_threads_starts_once_and_one_at_a_time) {
  constexpr int kThreads = 4, kEach = 200;
  std::vector<HostEvent*> gates;
  for (int i = 0; i < kThreads * kEach; i++) gates.push_back(pool.take(1));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      for (int i = t * kEach; i < (t + 1) * kEach; i++) add(i, {plugin::handle(gates[size_t(i)])});
    });
    threads.emplace_back([&, t] {
      for (int i = t; i < kThreads * kEach; i += kThreads) gates[size_t(i)]->signal(WEFT_OK);
    });
  }
  for (std::thread& thread : threads) thread.join();
  backlog->wait_idle();
  ASSERT_EQ(started.size(), size_t(kThreads * kEach));
  std::vector<int> last(kThreads, -1);
  for (const int number : started) {
    int& before = last[size_t(number / kEach)];
    EXPECT_LT(before, number);
    before = number;
  }
  for (HostEvent* event : gates) event->release();
}

}  // namespace
}  // namespace weft::common
