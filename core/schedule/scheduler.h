// Decides which ready task a processor takes next. The same code runs on the modelled clock
// (simulate.h) and in a session.
//
//   start(policy)                       all tasks are to be done again
//   next(p)   -> a task for processor p, which counts as running; kNone: nothing for it now
//   finish(t)                           may make others ready
//
//   serial        one task at a time, in the order of chunks
//   in_order      each processor takes the ready task of the earliest chunk
//   out_of_order  the ready task with the largest C(g): the time of what becomes ready through it,
//                 counted against it where it runs beside the host (paper, equation 5)
//   wavefront     chunk i follows chunk i-1 at a distance of `lag` steps; with `hold` a processor
//                 waits for the task that is its turn instead of taking another
//   random        any ready task, by `seed`: for tests, which want every interleaving
//
// C(g) changes only when a task comes to wait for one other alone, and that one is the exclusive or
// of all it still waits for: so finish() costs its successors, and next() a step through a heap.
// Nothing is allocated after the constructor. Threads: one at a time.
// mllm-NPU (Xu et al., ASPLOS 2025), section 3.4.
#pragma once

#include <cstdint>
#include <vector>

#include "core/schedule/ready_heap.h"
#include "core/schedule/task_graph.h"

namespace weft::schedule {

enum class Order : uint8_t { serial, in_order, out_of_order, wavefront, random };

struct Policy {
  Order order = Order::in_order;
  uint32_t lag = 1;   // wavefront
  bool hold = false;  // wavefront
  uint64_t seed = 0;  // random
};

class Scheduler {
 public:
  // The graph is sealed and outlives the scheduler; it may change its times between runs.
  explicit Scheduler(const TaskGraph& graph);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start(const Policy& policy);
  uint32_t next(uint32_t processor);
  void finish(uint32_t task);

  // Tasks that are not finished, and of them those that run.
  uint32_t left() const { return left_; }
  uint32_t running() const { return running_; }

 private:
  int64_t first_key(uint32_t task) const;
  void line_up();
  void make_ready(uint32_t task);
  void needs_only(uint32_t task, uint32_t need);
  uint32_t earliest() const;

  const TaskGraph& graph_;
  Policy policy_;
  uint32_t left_ = 0, running_ = 0;
  std::vector<uint32_t> unmet_;     // needs that are not finished, of each task
  std::vector<uint32_t> unmet_or_;  // exclusive or of their ids
  std::vector<int64_t> key_;        // larger goes first; equal keys: the smaller id
  std::vector<ReadyHeap> ready_;    // of each processor
  // Under `hold`: the tasks of each processor in the order of their turns.
  std::vector<std::vector<uint32_t>> line_;
  std::vector<uint32_t> turn_;
  ReadyHeap lining_up_;
};

}  // namespace weft::schedule
