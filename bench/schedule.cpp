// Question: what does a decision of the scheduler cost?
//
//   bench/schedule        microseconds of one decision (next and finish of a task) in every order,
//                         with 1,000 tasks and more, and of the choice that `auto` makes at the
//                         start of a prompt
//
// Graphs are prompts of a model of 24 layers; the smallest of many runs counts: what the code
// takes, not what else the machine does.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/schedule/chunk_graph.h"
#include "core/schedule/simulate.h"

namespace {

using namespace weft::schedule;

TaskGraph prompt(uint32_t chunks) {
  ChunkSteps steps;
  for (uint32_t layer = 0; layer < 24; ++layer) {
    for (uint32_t k = 0; k < 6; ++k) {
      Step step{k % 2};
      if (k == 2) step.after = {layer * 6 + 1};
      steps.steps.push_back(step);
    }
  }
  steps.early_steps = uint32_t(steps.steps.size());
  return chunk_graph(steps, chunks, chunks, [](uint32_t chunk, uint32_t step) {
    return int64_t(step % 2 == 0 ? 1000 + 500 * chunk : 4000);
  });
}

template <typename Run>
double best_us(Run run) {
  double best = 1e12;
  for (int i = 0; i < 30; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return best;
}

}  // namespace

int main() {
  std::printf("%8s %8s %14s %10s %12s %10s %12s\n", "chunks", "tasks", "us: in order", "by C(g)",
              "wavefront", "held", "auto, ms");
  for (const uint32_t chunks : {4u, 7u, 16u, 32u}) {
    const TaskGraph graph = prompt(chunks);
    Simulator simulator(graph);
    double us[4];
    const Policy policies[] = {{Order::in_order},
                               {Order::out_of_order},
                               {Order::wavefront, 1, false},
                               {Order::wavefront, 1, true}};
    for (int i = 0; i < 4; ++i) us[i] = best_us([&] { simulator.run(policies[i]); }) / graph.size();
    const double choice = best_us([&] { choose(simulator, automatic_policies()); });
    std::printf("%8u %8u %14.3f %10.3f %12.3f %10.3f %12.2f\n", chunks, graph.size(), us[0], us[1],
                us[2], us[3], choice / 1000);
  }
}
