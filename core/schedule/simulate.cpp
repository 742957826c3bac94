#include "core/schedule/simulate.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"

namespace weft::schedule {

Simulator::Simulator(const TaskGraph& graph)
    : graph_(graph),
      scheduler_(graph),
      start_(graph.size()),
      busy_(graph.processors()),
      at_work_(graph.processors()) {}

uint32_t Simulator::first_to_end() const {
  uint32_t found = kNone;
  for (const uint32_t task : at_work_) {
    if (task == kNone) continue;
    const bool sooner = found == kNone || end_ns(task) < end_ns(found) ||
                        (end_ns(task) == end_ns(found) && task < found);
    if (sooner) found = task;
  }
  return found;
}

int64_t Simulator::run(const Policy& policy) {
  scheduler_.start(policy);
  std::fill(busy_.begin(), busy_.end(), 0);
  std::fill(at_work_.begin(), at_work_.end(), kNone);
  int64_t now = 0;
  while (scheduler_.left() > 0) {
    for (uint32_t p = graph_.processors(); p-- > 0;) {
      if (at_work_[p] != kNone) continue;
      const uint32_t task = scheduler_.next(p);
      if (task == kNone) continue;
      at_work_[p] = task;
      start_[task] = now;
      busy_[p] += graph_[task].time_ns;
    }
    const uint32_t ended = first_to_end();
    WEFT_CHECK(ended != kNone);
    now = end_ns(ended);
    at_work_[graph_[ended].processor] = kNone;
    scheduler_.finish(ended);
  }
  return now;
}

int64_t bound_ns(const TaskGraph& graph) {
  std::vector<int64_t> work(graph.processors());
  for (uint32_t task = 0; task < graph.size(); ++task)
    work[graph[task].processor] += graph[task].time_ns;
  return *std::max_element(work.begin(), work.end());
}

std::span<const Policy> automatic_policies() {
  constexpr uint32_t kMostLag = 12;
  static const std::array<Policy, 2 + 2 * kMostLag> policies = [] {
    std::array<Policy, 2 + 2 * kMostLag> all;
    all[0] = {Order::in_order};
    all[1] = {Order::out_of_order};
    for (uint32_t lag = 1; lag <= kMostLag; ++lag) {
      all[2 * lag] = {Order::wavefront, lag, false};
      all[2 * lag + 1] = {Order::wavefront, lag, true};
    }
    return all;
  }();
  return policies;
}

Choice choose(Simulator& simulator, std::span<const Policy> policies) {
  WEFT_CHECK(!policies.empty());
  Choice best{policies[0], simulator.run(policies[0])};
  for (const Policy& policy : policies.subspan(1)) {
    const int64_t makespan = simulator.run(policy);
    if (makespan < best.makespan_ns) best = {policy, makespan};
  }
  return best;
}

}  // namespace weft::schedule
