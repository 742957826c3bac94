#include "core/schedule/scheduler.h"

#include "core/base/check.h"

namespace weft::schedule {

namespace {

// Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014: one step.
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

Scheduler::Scheduler(const TaskGraph& graph)
    : graph_(graph),
      unmet_(graph.size()),
      unmet_or_(graph.size()),
      key_(graph.size()),
      line_(graph.processors()),
      turn_(graph.processors()),
      lining_up_(key_, graph.size()) {
  ready_.reserve(graph.processors());
  for (uint32_t p = 0; p < graph.processors(); ++p) ready_.emplace_back(key_, graph.size());
  for (uint32_t task = 0; task < graph.size(); ++task) {
    line_[graph[task].processor].push_back(task);
  }
}

int64_t Scheduler::first_key(uint32_t task) const {
  const Task& t = graph_[task];
  if (policy_.order == Order::wavefront)
    return -(int64_t(t.index) + int64_t(policy_.lag) * t.chunk);
  if (policy_.order == Order::random) return int64_t(mixed(policy_.seed ^ mixed(task)) >> 1);
  return 0;
}

void Scheduler::start(const Policy& policy) {
  policy_ = policy;
  left_ = graph_.size();
  running_ = 0;
  for (ReadyHeap& heap : ready_) heap.clear();
  for (uint32_t task = 0; task < graph_.size(); ++task) {
    unmet_[task] = uint32_t(graph_.needs(task).size());
    unmet_or_[task] = 0;
    for (const uint32_t need : graph_.needs(task)) unmet_or_[task] ^= need;
    key_[task] = first_key(task);
  }
  if (policy_.order == Order::wavefront && policy_.hold) line_up();
  for (uint32_t task = 0; task < graph_.size(); ++task) {
    if (unmet_[task] == 1) needs_only(task, unmet_or_[task]);
  }
  for (uint32_t task = 0; task < graph_.size(); ++task) {
    if (unmet_[task] == 0) make_ready(task);
  }
}

// The turns are an order in which one processor alone could run everything, so that holding to it
// never ends in a circle of waits.
void Scheduler::line_up() {
  for (std::vector<uint32_t>& line : line_) line.clear();
  turn_.assign(turn_.size(), 0);
  for (uint32_t task = 0; task < graph_.size(); ++task) {
    if (unmet_[task] == 0) lining_up_.push(task);
  }
  while (!lining_up_.empty()) {
    const uint32_t task = lining_up_.top();
    lining_up_.pop();
    line_[graph_[task].processor].push_back(task);
    for (const uint32_t after : graph_.successors(task)) {
      if (--unmet_[after] == 0) lining_up_.push(after);
    }
  }
  for (uint32_t task = 0; task < graph_.size(); ++task)
    unmet_[task] = uint32_t(graph_.needs(task).size());
}

void Scheduler::make_ready(uint32_t task) { ready_[graph_[task].processor].push(task); }

// `task` waits for `need` alone.
void Scheduler::needs_only(uint32_t task, uint32_t need) {
  if (policy_.order != Order::out_of_order) return;
  const uint32_t processor = graph_[need].processor;
  const int64_t time = graph_[task].time_ns;
  key_[need] += processor == 0 ? time : -time;
  if (ready_[processor].contains(need)) ready_[processor].update(need);
}

uint32_t Scheduler::earliest() const {
  uint32_t found = kNone;
  for (const ReadyHeap& heap : ready_) {
    if (!heap.empty() && heap.top() < found) found = heap.top();
  }
  return found;
}

uint32_t Scheduler::next(uint32_t processor) {
  ReadyHeap& heap = ready_[processor];
  if (heap.empty()) return kNone;
  uint32_t task = heap.top();
  if (policy_.order == Order::serial && (running_ > 0 || task != earliest())) return kNone;
  if (policy_.order == Order::wavefront && policy_.hold) {
    task = line_[processor][turn_[processor]];
    if (!heap.contains(task)) return kNone;
    ++turn_[processor];
  }
  heap.remove(task);
  ++running_;
  return task;
}

void Scheduler::finish(uint32_t task) {
  WEFT_CHECK(running_ > 0);
  --running_;
  --left_;
  for (const uint32_t after : graph_.successors(task)) {
    unmet_or_[after] ^= task;
    if (--unmet_[after] == 0) make_ready(after);
    if (unmet_[after] == 1) needs_only(after, unmet_or_[after]);
  }
}

}  // namespace weft::schedule
