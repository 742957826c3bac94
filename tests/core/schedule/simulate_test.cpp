// The scheduler on the modelled clock: the figures of the paper's setting, and what holds for any
// graph.
//
// The setting: 24 layers of 6 steps, 315 ms of the NPU and 157 ms of the CPU for a chunk of 256
// tokens (Qwen1.5-1.8B; mllm-NPU, Xu et al., ASPLOS 2025, section 3.4), work within a layer shared
// as its products' sizes are. The expected idle times are those of an independent simulator of the
// same setting (project notes on the papers, part B3).
#include "core/schedule/simulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/schedule/chunk_graph.h"

namespace weft::schedule {
namespace {

constexpr uint32_t kCpu = 0, kNpu = 1;
constexpr uint32_t kLayers = 24, kSteps = 6;

// Norm, QKV, attention, O, norm, FFN: where each runs, and what attention waits for.
ChunkSteps layers() {
  ChunkSteps out;
  for (uint32_t layer = 0; layer < kLayers; ++layer) {
    for (uint32_t k = 0; k < kSteps; ++k) {
      Step step{k % 2 == 0 ? kCpu : kNpu};
      if (k == 2) step.after = {layer * kSteps + 1};
      out.steps.push_back(step);
    }
  }
  out.early_steps = uint32_t(out.steps.size());
  return out;
}

int64_t time_of(uint32_t chunk, uint32_t step, bool grows) {
  const double cpu = 157e6 / kLayers, npu = 315e6 / kLayers;
  const double attention = cpu * 0.66 * (grows ? 0.5 + 0.5 * (2 * chunk + 1) : 1);
  const double times[] = {cpu * 0.12,       npu * 12.6 / 50.6, attention,
                          npu * 4.2 / 50.6, cpu * 0.22,        npu * 33.8 / 50.6};
  return int64_t(times[step % kSteps] + 0.5);
}

TaskGraph paper_graph(uint32_t chunks, bool grows) {
  return chunk_graph(layers(), chunks, chunks,
                     [&](uint32_t chunk, uint32_t step) { return time_of(chunk, step, grows); });
}

// Idle time of the NPU until everything is done, in per cent.
double idle(Simulator& simulator, int64_t makespan) {
  return 100.0 * (1.0 - double(simulator.busy_ns(kNpu)) / double(makespan));
}
double idle(Simulator& simulator, const Policy& policy) {
  const int64_t makespan = simulator.run(policy);
  return idle(simulator, makespan);
}

struct Row {
  uint32_t chunks;
  bool grows;
  double serial, in_order, out_of_order;
};
constexpr Row kRows[] = {{1, false, 33.3, 33.3, 33.3}, {2, false, 33.3, 15.1, 15.1},
                         {4, false, 33.3, 7.8, 8.0},   {8, false, 33.3, 0.5, 1.4},
                         {1, true, 33.3, 33.3, 33.3},  {2, true, 39.9, 25.5, 25.5},
                         {4, true, 49.8, 28.0, 23.3},  {8, true, 62.3, 44.6, 41.0}};

TEST(Simulator, has_the_npu_idle_as_long_as_an_independent_one) {
  for (const Row& row : kRows) {
    const TaskGraph graph = paper_graph(row.chunks, row.grows);
    Simulator simulator(graph);
    SCOPED_TRACE(std::to_string(row.chunks) + (row.grows ? " chunks, growing" : " chunks"));
    EXPECT_NEAR(idle(simulator, {Order::serial}), row.serial, 0.051);
    EXPECT_NEAR(idle(simulator, {Order::in_order}), row.in_order, 0.051);
    EXPECT_NEAR(idle(simulator, {Order::out_of_order}), row.out_of_order, 0.051);
  }
}

TEST(Simulator, chooses_what_beats_both_orders_of_the_paper) {
  for (const Row& row : kRows) {
    const TaskGraph graph = paper_graph(row.chunks, row.grows);
    Simulator simulator(graph);
    const Choice choice = choose(simulator, automatic_policies());
    const double best = idle(simulator, choice.policy);
    SCOPED_TRACE(std::to_string(row.chunks) + (row.grows ? " chunks, growing" : " chunks"));
    EXPECT_LE(best, std::min(row.in_order, row.out_of_order) + 0.051);
    if (row.chunks > 1) {
      EXPECT_LT(best, row.out_of_order - 0.2);
    }
    EXPECT_GE(choice.makespan_ns, bound_ns(graph));
  }
}

TEST(Simulator, comes_within_a_tenth_of_the_bound_with_four_chunks) {
  for (const bool grows : {false, true}) {
    const TaskGraph graph = paper_graph(4, grows);
    Simulator simulator(graph);
    const Choice choice = choose(simulator, automatic_policies());
    EXPECT_LT(double(choice.makespan_ns), 1.1 * double(bound_ns(graph)));
  }
}

TEST(Simulator, one_chunk_takes_its_chain_in_every_order) {
  const TaskGraph graph = paper_graph(1, true);
  Simulator simulator(graph);
  int64_t chain = 0;
  for (uint32_t task = 0; task < graph.size(); ++task) chain += graph[task].time_ns;
  for (const Order order : {Order::serial, Order::in_order, Order::out_of_order, Order::wavefront})
    EXPECT_EQ(simulator.run({order}), chain);
}

// Any graph: chains of chunks with waits between them, on up to three processors.
TaskGraph random_graph(std::mt19937& random) {
  const auto below = [&](uint32_t n) { return uint32_t(random() % n); };
  const uint32_t chunks = 1 + below(5), steps = 1 + below(8), processors = 1 + below(3);
  TaskGraph graph;
  std::vector<uint32_t> needs;
  for (uint32_t chunk = 0; chunk < chunks; ++chunk) {
    for (uint32_t index = 0; index < steps; ++index) {
      needs.clear();
      for (uint32_t id = 0; id < graph.size(); ++id) {
        const bool chained = index > 0 && id + 1 == graph.size() && below(4) > 0;
        if (chained || below(8) == 0) needs.push_back(id);
      }
      graph.add({chunk, index, below(processors), int64_t(below(1000))}, needs);
    }
  }
  graph.seal();
  return graph;
}

std::vector<Policy> every_policy(std::mt19937& random) {
  std::vector<Policy> all = {{Order::serial}, {Order::random, 1, false, random()}};
  const auto automatic = automatic_policies();
  all.insert(all.end(), automatic.begin(), automatic.end());
  return all;
}

// Everything runs once, after what it needs, and a processor does one thing at a time.
void expect_sound(const Simulator& simulator, int64_t makespan) {
  const TaskGraph& graph = simulator.graph();
  std::vector<std::vector<std::pair<int64_t, int64_t>>> spans(graph.processors());
  int64_t last = 0;
  for (uint32_t task = 0; task < graph.size(); ++task) {
    for (const uint32_t need : graph.needs(task))
      ASSERT_GE(simulator.start_ns(task), simulator.end_ns(need));
    spans[graph[task].processor].emplace_back(simulator.start_ns(task), simulator.end_ns(task));
    last = std::max(last, simulator.end_ns(task));
  }
  ASSERT_EQ(last, makespan);
  for (auto& of_one : spans) {
    std::sort(of_one.begin(), of_one.end());
    for (size_t i = 1; i < of_one.size(); ++i)
      ASSERT_GE(of_one[i].first, of_one[i - 1].second) << "two at once on one processor";
  }
}

TEST(Simulator, keeps_every_dependency_in_every_order) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const TaskGraph graph = random_graph(random);
    Simulator simulator(graph);
    for (const Policy& policy : every_policy(random)) {
      const int64_t makespan = simulator.run(policy);
      ASSERT_NO_FATAL_FAILURE(expect_sound(simulator, makespan)) << "round " << round;
      ASSERT_GE(makespan, bound_ns(graph));
    }
  }
}

TEST(Simulator, the_choice_is_never_worse_than_chunk_order) {
  std::mt19937 random(11);
  int better = 0;
  for (int round = 0; round < 10000; ++round) {
    const TaskGraph graph = random_graph(random);
    Simulator simulator(graph);
    const Choice choice = choose(simulator, automatic_policies());
    const int64_t in_order = simulator.run({Order::in_order});
    ASSERT_LE(choice.makespan_ns, in_order) << "round " << round;
    ASSERT_EQ(simulator.run(choice.policy), choice.makespan_ns) << "a choice can be run again";
    better += choice.makespan_ns < in_order;
  }
  EXPECT_GT(better, 1000) << "the graphs give it something to choose";
}

// The trap behind `auto`: the paper's rule alone is no guarantee.
TEST(Simulator, the_papers_rule_alone_can_be_worse_than_chunk_order) {
  const TaskGraph graph = paper_graph(4, false);
  Simulator simulator(graph);
  EXPECT_GT(simulator.run({Order::out_of_order}), simulator.run({Order::in_order}));
}

}  // namespace
}  // namespace weft::schedule
