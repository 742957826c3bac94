// Single decisions: what each order takes next, against the rule computed the slow way.
#include "core/schedule/scheduler.h"

#include <gtest/gtest.h>

#include <random>

namespace weft::schedule {
namespace {

// Task 0 on the host opens 3 and 4; 1 opens 5; 2 opens nothing. 6 waits for 1 and 2.
TaskGraph fork() {
  TaskGraph graph;
  for (uint32_t i = 0; i < 3; ++i) graph.add({i, 0, 0, 10}, {});
  const uint32_t zero[] = {0}, one[] = {1}, both[] = {1, 2};
  graph.add({0, 1, 1, 5}, zero);
  graph.add({0, 2, 1, 5}, zero);
  graph.add({1, 1, 1, 20}, one);
  graph.add({1, 2, 1, 40}, both);
  graph.seal();
  return graph;
}

TEST(Scheduler, takes_chunks_in_order) {
  const TaskGraph graph = fork();
  Scheduler scheduler(graph);
  scheduler.start({Order::in_order});
  EXPECT_EQ(scheduler.next(0), 0u);
  EXPECT_EQ(scheduler.next(0), 1u);
  EXPECT_EQ(scheduler.next(1), kNone) << "nothing is ready there";
  scheduler.finish(0);
  EXPECT_EQ(scheduler.next(1), 3u);
  EXPECT_EQ(scheduler.running(), 2u);
  EXPECT_EQ(scheduler.left(), 6u);
}

TEST(Scheduler, out_of_order_takes_what_makes_most_work_ready) {
  const TaskGraph graph = fork();
  Scheduler scheduler(graph);
  scheduler.start({Order::out_of_order});
  EXPECT_EQ(scheduler.next(0), 1u) << "20 become ready, against 10 and 0";
  scheduler.finish(1);
  EXPECT_EQ(scheduler.next(0), 2u) << "it alone keeps 40 waiting now";
}

TEST(Scheduler, serial_has_one_task_at_a_time) {
  const TaskGraph graph = fork();
  Scheduler scheduler(graph);
  scheduler.start({Order::serial});
  for (uint32_t expected : {0u, 1u, 2u, 3u, 4u, 5u, 6u}) {
    const uint32_t other = graph[expected].processor == 0 ? 1 : 0;
    EXPECT_EQ(scheduler.next(other), kNone);
    EXPECT_EQ(scheduler.next(graph[expected].processor), expected);
    EXPECT_EQ(scheduler.next(0), kNone);
    EXPECT_EQ(scheduler.next(1), kNone);
    scheduler.finish(expected);
  }
  EXPECT_EQ(scheduler.left(), 0u);
}

TEST(Scheduler, holding_waits_for_the_task_whose_turn_it_is) {
  TaskGraph graph;
  const uint32_t zero[] = {0};
  graph.add({0, 0, 0, 10}, {});
  graph.add({0, 1, 1, 10}, zero);
  graph.add({1, 5, 1, 10}, {});
  graph.seal();
  Scheduler scheduler(graph);
  scheduler.start({Order::wavefront, 1, true});
  EXPECT_EQ(scheduler.next(1), kNone) << "task 1 is first, and waits for task 0";
  EXPECT_EQ(scheduler.next(0), 0u);
  scheduler.finish(0);
  EXPECT_EQ(scheduler.next(1), 1u);
  EXPECT_EQ(scheduler.next(1), 2u);
  scheduler.start({Order::wavefront, 1, false});
  EXPECT_EQ(scheduler.next(1), 2u) << "without holding, what is ready goes first";
}

TEST(Scheduler, random_orders_differ_by_seed_and_repeat) {
  TaskGraph graph;
  for (uint32_t i = 0; i < 12; ++i) graph.add({i, 0, 0, 1}, {});
  graph.seal();
  Scheduler scheduler(graph);
  const auto order = [&](uint64_t seed) {
    std::vector<uint32_t> out;
    scheduler.start({Order::random, 1, false, seed});
    while (scheduler.left() > 0) {
      out.push_back(scheduler.next(0));
      scheduler.finish(out.back());
    }
    return out;
  };
  EXPECT_EQ(order(1), order(1));
  EXPECT_NE(order(1), order(2));
}

// Equation 5 by its words: the time of all that waits for nothing but g.
int64_t gain(const TaskGraph& graph, const std::vector<bool>& done, uint32_t g) {
  int64_t sum = 0;
  for (uint32_t task = 0; task < graph.size(); ++task) {
    bool opened = false, blocked = false;
    for (const uint32_t need : graph.needs(task)) {
      if (need == g) opened = true;
      if (need != g && !done[need]) blocked = true;
    }
    if (opened && !blocked) sum += graph[task].time_ns;
  }
  return graph[g].processor == 0 ? sum : -sum;
}

TEST(Scheduler, out_of_order_agrees_with_the_rule_computed_the_slow_way) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    TaskGraph graph;
    for (uint32_t task = 0; task < 40; ++task) {
      std::vector<uint32_t> needs;
      for (uint32_t need = task > 12 ? task - 12 : 0; need < task; ++need)
        if (random() % 5 == 0) needs.push_back(need);
      graph.add({task / 8, task % 8, uint32_t(random() % 2), int64_t(random() % 100)}, needs);
    }
    graph.seal();
    Scheduler scheduler(graph);
    scheduler.start({Order::out_of_order});
    std::vector<bool> done(graph.size()), taken(graph.size());
    std::vector<uint32_t> running;
    while (scheduler.left() > 0) {
      const uint32_t processor = random() % 2;
      uint32_t best = kNone;
      for (uint32_t task = 0; task < graph.size(); ++task) {
        bool ready = graph[task].processor == processor && !taken[task];
        for (const uint32_t need : graph.needs(task)) ready = ready && done[need];
        if (ready && (best == kNone || gain(graph, done, task) > gain(graph, done, best)))
          best = task;
      }
      ASSERT_EQ(scheduler.next(processor), best) << "round " << round;
      if (best != kNone) {
        taken[best] = true;
        running.push_back(best);
      }
      if (!running.empty() && (best == kNone || random() % 2)) {
        const size_t at = random() % running.size();
        done[running[at]] = true;
        scheduler.finish(running[at]);
        running.erase(running.begin() + int64_t(at));
      }
    }
  }
}

}  // namespace
}  // namespace weft::schedule
