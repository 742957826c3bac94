// What has to be done, as plain data: tasks of several chunks of a prompt on several processors,
// and which of them wait for which.
//
//   chunk 0   [norm]--[QKV]--[attention]--[O]--[norm]--[FFN]-- ...      each chunk is a chain, and
//                  \    \________                                      attention also waits for the
//   chunk 1   [norm]--[QKV]--[attention]-- ...                         keys of all earlier chunks
//
// Tasks are added in the order (chunk, index), and wait only for tasks added before them: there are
// no circles by construction, and a smaller id means an earlier place in chunk order.
// mllm-NPU (Xu et al., ASPLOS 2025), section 3.4, equations 2 to 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::schedule {

constexpr uint32_t kNone = UINT32_MAX;

struct Task {
  uint32_t chunk = 0, index = 0;  // which part of the prompt, and which step of it
  uint32_t processor = 0;         // 0 is the host's; others are devices that work beside it
  int64_t time_ns = 0;            // how long it is expected to take
};

class TaskGraph {
 public:
  // Returns the id: the number of tasks added before. `needs` are ids of such tasks, each once.
  uint32_t add(const Task& task, std::span<const uint32_t> needs);
  // Ends adding: successors are known from here on.
  void seal();

  uint32_t size() const { return uint32_t(tasks_.size()); }
  uint32_t processors() const { return processors_; }
  const Task& operator[](uint32_t id) const { return tasks_[id]; }
  void set_time(uint32_t id, int64_t time_ns) { tasks_[id].time_ns = time_ns; }
  std::span<const uint32_t> needs(uint32_t id) const { return list(needs_, need_begin_, id); }
  std::span<const uint32_t> successors(uint32_t id) const {
    return list(successors_, successor_begin_, id);
  }

 private:
  static std::span<const uint32_t> list(const std::vector<uint32_t>& all,
                                        const std::vector<uint32_t>& begin, uint32_t id) {
    return std::span(all).subspan(begin[id], begin[id + 1] - begin[id]);
  }

  std::vector<Task> tasks_;
  std::vector<uint32_t> needs_, successors_;
  std::vector<uint32_t> need_begin_{0}, successor_begin_;  // one more than there are tasks
  uint32_t processors_ = 1;
};

}  // namespace weft::schedule
