// The scheduler on a modelled clock: every task takes exactly the time the graph expects. What
// comes out is modelled time, whatever the times were made of.
//
//   Simulator simulator(graph);
//   simulator.run(policy)              ns until the last task ends
//   choose(simulator, policies)        the best of them; of equals the earlier
//
// One task per processor at a time (paper, equation 4). `run` allocates nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/schedule/scheduler.h"
#include "core/schedule/task_graph.h"

namespace weft::schedule {

class Simulator {
 public:
  // The graph is sealed and outlives the simulator.
  explicit Simulator(const TaskGraph& graph);

  int64_t run(const Policy& policy);

  // Of the last run.
  int64_t start_ns(uint32_t task) const { return start_[task]; }
  int64_t end_ns(uint32_t task) const { return start_[task] + graph_[task].time_ns; }
  int64_t busy_ns(uint32_t processor) const { return busy_[processor]; }
  const TaskGraph& graph() const { return graph_; }

 private:
  uint32_t first_to_end() const;

  const TaskGraph& graph_;
  Scheduler scheduler_;
  std::vector<int64_t> start_;     // by task
  std::vector<int64_t> busy_;      // by processor
  std::vector<uint32_t> at_work_;  // by processor: the task, or kNone
};

// No schedule is shorter: the work of the busiest processor.
int64_t bound_ns(const TaskGraph& graph);

struct Choice {
  Policy policy;
  int64_t makespan_ns = 0;
};

// What `auto` tries. The first is chunk order, so that the best of them is never worse.
std::span<const Policy> automatic_policies();
Choice choose(Simulator& simulator, std::span<const Policy> policies);

}  // namespace weft::schedule
