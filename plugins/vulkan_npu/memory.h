// The NPU's memory: an address space with a cap, blocks of it, and the ABI's buffers.
//
// A block is one allocation with one VkBuffer over all of it, mapped for its whole life. Types of
// memory that the host can write are used throughout, so there are no staging copies; where the
// hardware has memory that is both its own and visible, that is taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "plugins/vulkan_npu/faults.h"
#include "plugins/vulkan_npu/flights.h"
#include "plugins/vulkan_npu/instance.h"
#include "plugins/vulkan_npu/vk.h"

namespace weft::vulkan_npu {

// What every object of an open device works with. Outlives them all.
struct Core {
  Core(const Vk& functions, const PhysicalDevice& of, const weft_host& h, const Faults::Plan& fault)
      : vk(functions), physical(of), host(h), faults(fault) {}

  const Vk& vk;
  const PhysicalDevice& physical;
  const weft_host& host;
  VkDevice device = nullptr;
  VkQueue queue = nullptr;
  std::mutex queue_mutex;  // vkQueueSubmit and vkQueueWaitIdle
  bool host_memory = false;
  uint64_t cap_bytes = 0;
  Faults faults;
  Flights flights;
  std::atomic<uint64_t> used_bytes{0};
  std::atomic<uint64_t> next_block{1};

  // One line for the user, from anywhere.
  void log(uint32_t level, const std::string& line) const;
};

class Block {
 public:
  // Memory of the NPU. Throws Failure (WEFT_E_OUT_OF_MEMORY) when it does not fit under the cap or
  // the driver has none; `what` names the purpose.
  Block(Core& core, uint64_t size, const std::string& what);
  // Pages of the host, used in place. Throws Failure (WEFT_E_INVALID) when address or size are not
  // aligned as the device needs it.
  Block(Core& core, void* pages, uint64_t size);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  VkBuffer buffer() const { return buffer_.get(); }
  char* data() const { return data_; }
  uint64_t size() const { return size_; }
  // Never given twice, unlike handles.
  uint64_t id() const { return id_; }

 private:
  void create_buffer(const void* next);
  void allocate(const VkMemoryRequirements& needs, uint32_t types, const void* next);

  Core& core_;
  uint64_t size_;
  uint64_t id_;
  uint64_t counted_ = 0;  // of Core::used_bytes
  VulkanMemory memory_;
  VulkanBuffer buffer_;
  char* data_ = nullptr;
};

// weft_buffer.
class NpuBuffer final : public plugin::Buffer {
 public:
  NpuBuffer(Core& core, uint64_t size, const char* name)
      : block_(core, size, name && *name ? name : "a buffer"), size_(size) {}
  NpuBuffer(Core& core, void* pages, uint64_t size) : block_(core, pages, size), size_(size) {}
  void* map(uint64_t offset, uint64_t size, uint32_t mode) override;
  void unmap(void* pointer) override;
  const Block& block() const { return block_; }
  uint64_t size() const { return size_; }

 private:
  Block block_;
  uint64_t size_;
};

inline NpuBuffer& buffer_of(weft_buffer* buffer) {
  return static_cast<NpuBuffer&>(*plugin::object(buffer));
}

}  // namespace weft::vulkan_npu
