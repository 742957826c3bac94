#include "core/schedule/task_graph.h"

#include <algorithm>

#include "core/base/check.h"

namespace weft::schedule {

uint32_t TaskGraph::add(const Task& task, std::span<const uint32_t> needs) {
  const uint32_t id = size();
  for (const uint32_t need : needs) WEFT_CHECK(need < id);
  tasks_.push_back(task);
  needs_.insert(needs_.end(), needs.begin(), needs.end());
  need_begin_.push_back(uint32_t(needs_.size()));
  processors_ = std::max(processors_, task.processor + 1);
  return id;
}

void TaskGraph::seal() {
  successor_begin_.assign(tasks_.size() + 1, 0);
  for (const uint32_t need : needs_) ++successor_begin_[need + 1];
  for (size_t i = 1; i < successor_begin_.size(); ++i)
    successor_begin_[i] += successor_begin_[i - 1];
  successors_.resize(needs_.size());
  std::vector<uint32_t> at(successor_begin_.begin(), successor_begin_.end() - 1);
  for (uint32_t id = 0; id < size(); ++id) {
    for (const uint32_t need : needs(id)) successors_[at[need]++] = id;
  }
}

}  // namespace weft::schedule
