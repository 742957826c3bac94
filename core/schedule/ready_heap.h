// A heap of task ids by keys that lie elsewhere and may grow or shrink while a task is in it.
// Equal keys: the smaller id first, so an order never depends on how the heap came to be.
// Allocates when it is made. Threads: one at a time.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/schedule/task_graph.h"

namespace weft::schedule {

class ReadyHeap {
 public:
  // Room for tasks 0 to count - 1; `key` outlives the heap.
  ReadyHeap(const std::vector<int64_t>& key, uint32_t count) : key_(&key), place_(count, kNone) {
    heap_.reserve(count);
  }

  bool empty() const { return heap_.empty(); }
  uint32_t top() const { return heap_.front(); }
  bool contains(uint32_t task) const { return place_[task] != kNone; }
  void clear() {
    for (const uint32_t task : heap_) place_[task] = kNone;
    heap_.clear();
  }
  void push(uint32_t task) {
    heap_.push_back(task);
    place_[task] = uint32_t(heap_.size() - 1);
    rise(place_[task]);
  }
  void pop() { remove(heap_.front()); }
  void remove(uint32_t task) {
    const uint32_t at = place_[task], last = heap_.back();
    place_[task] = kNone;
    heap_.pop_back();
    if (last == task) return;
    put(last, at);
    update(last);
  }
  // After the key of a task in the heap has changed.
  void update(uint32_t task) {
    rise(place_[task]);
    sink(place_[task]);
  }

 private:
  bool before(uint32_t a, uint32_t b) const {
    const int64_t ka = (*key_)[a], kb = (*key_)[b];
    return ka != kb ? ka > kb : a < b;
  }
  void put(uint32_t task, uint32_t at) {
    heap_[at] = task;
    place_[task] = at;
  }
  void rise(uint32_t at) {
    const uint32_t task = heap_[at];
    for (; at > 0 && before(task, heap_[(at - 1) / 2]); at = (at - 1) / 2)
      put(heap_[(at - 1) / 2], at);
    put(task, at);
  }
  void sink(uint32_t at) {
    const uint32_t task = heap_[at], count = uint32_t(heap_.size());
    while (2 * at + 1 < count) {
      uint32_t child = 2 * at + 1;
      if (child + 1 < count && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], task)) break;
      put(heap_[child], at);
      at = child;
    }
    put(task, at);
  }

  const std::vector<int64_t>* key_;
  std::vector<uint32_t> heap_, place_;
};

}  // namespace weft::schedule
