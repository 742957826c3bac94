// Work of a device that Vulkan has and that is not done: by which value of which timeline its event
// will be. Work of another queue that waits for such an event is submitted at once with a wait for
// the value, so that an edge between queues of one device takes no turn through the host.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "plugins/vulkan_npu/vk.h"

namespace weft::vulkan_npu {

// [any thread]
class Flights {
 public:
  struct Moment {
    VkSemaphore timeline = nullptr;
    uint64_t value = 0;
  };
  void add(const void* event, const Moment& moment) {
    const std::lock_guard lock(mutex_);
    moments_[event] = moment;
  }
  // Before the event is completed: it may be another's right afterwards.
  void remove(const void* event) {
    const std::lock_guard lock(mutex_);
    moments_.erase(event);
  }
  std::optional<Moment> find(const void* event) const {
    const std::lock_guard lock(mutex_);
    const auto found = moments_.find(event);
    if (found == moments_.end()) return {};
    return found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<const void*, Moment> moments_;
};

}  // namespace weft::vulkan_npu
