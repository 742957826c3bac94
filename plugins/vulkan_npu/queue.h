// weft_queue: in order, asynchronous.
//
//   submitted   work whose waits are done, or with Vulkan already, goes to the VkQueue at once,
//   with
//               the next value of the queue's timeline semaphore to signal; for work of other
//               queues of the device it waits by their semaphores (flights.h)
//   kept        work that waits for another event stays in the backlog until whoever completes that
//               event submits it; what comes after stays behind it
//
// One thread waits for the semaphore and completes the events, so that callbacks, timeouts and
// poison are those of plugins/common/host_event.h. Work whose wait is poisoned never starts.
#pragma once

#include <memory>

#include "plugins/common/backlog.h"
#include "plugins/vulkan_npu/memory.h"
#include "plugins/vulkan_npu/program.h"

namespace weft::vulkan_npu {

class NpuQueue final : public plugin::Queue {
 public:
  NpuQueue(Core& core, common::EventPool& events);
  ~NpuQueue() override;
  void flush() override {}
  plugin::Event* copy(const weft_view& src, const weft_view& dst, weft_event* const* waits,
                      uint32_t wait_count) override;
  plugin::Event* execute(const weft_execute_args& args) override;

 private:
  struct Work;
  struct State;
  plugin::Event* submit(const std::shared_ptr<Work>& work, common::Waits waits);
  // A poisoned event for work that cannot be.
  plugin::Event* poisoned(const weft_error& error);

  Core& core_;
  common::EventPool& events_;
  std::unique_ptr<State> state_;
  std::shared_ptr<common::Backlog> backlog_;
};

}  // namespace weft::vulkan_npu
