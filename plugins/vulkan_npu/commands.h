// A recorded command buffer with the descriptor sets it uses.
//
//   Commands c(core, 2);  c.begin();  c.dispatch(kernels, one);  c.barrier();  ...  c.end();
//
// begin() waits for everything submitted before, and end() makes results visible to the host, so
// recordings may be submitted one after the other, any number of times, without more thought.
// Threads: recording one at a time; submitting is the queue's.
#pragma once

#include <span>
#include <vector>

#include "plugins/vulkan_npu/kernels.h"

namespace weft::vulkan_npu {

// A range of memory as a kernel sees it. Absent: buffer is null.
struct Bound {
  VkBuffer buffer = nullptr;
  uint64_t offset = 0;  // a multiple of Limits::offset_alignment
  uint64_t range = 0;
};

struct Dispatch {
  VkPipeline pipeline = nullptr;
  Bound bound[kBindings];
  Arguments arguments;
  uint32_t groups_x = 0, groups_y = 0;
};

class Commands {
 public:
  // Room for `dispatches`, and for `stamps` timestamps.
  Commands(Core& core, uint32_t dispatches, uint32_t stamps = 0);

  void begin();
  void dispatch(const Kernels& kernels, const Dispatch& dispatch);
  // What follows sees what came before.
  void barrier();
  void copy(VkBuffer from, VkBuffer to, std::span<const VkBufferCopy> regions);
  // Timestamp `index`, taken when everything before is done.
  void stamp(uint32_t index);
  void end();

  VkCommandBuffer get() const { return buffer_; }
  // Submits and waits: for use while compiling.
  void run();
  // The timestamps in nanoseconds, after the work is done.
  std::vector<uint64_t> stamps() const;

 private:
  Core& core_;
  CommandPool pool_;
  DescriptorPool sets_;
  QueryPool queries_;
  uint32_t stamp_count_;
  VkCommandBuffer buffer_ = nullptr;
};

}  // namespace weft::vulkan_npu
