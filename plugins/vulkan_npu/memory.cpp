// Allocation under the cap, import of host pages, mapping; see memory.h.
#include "plugins/vulkan_npu/memory.h"

#include <algorithm>

namespace weft::vulkan_npu {

using plugin::Failure;
using plugin::text;

namespace {

using Count = unsigned long long;

// The best type of memory among `types` that the host can write without flushing.
uint32_t best_type(const Core& core, uint32_t types) {
  VkPhysicalDeviceMemoryProperties memory{};
  core.vk.GetPhysicalDeviceMemoryProperties(core.physical.handle, &memory);
  constexpr VkMemoryPropertyFlags kNeeded =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  int best = -1, best_score = -1;
  for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
    const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    if (!(types >> i & 1) || (flags & kNeeded) != kNeeded) continue;
    const int score = (flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT ? 2 : 0) +
                      (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT ? 1 : 0);
    if (score > best_score) best = int(i), best_score = score;
  }
  if (best < 0)
    throw Failure(WEFT_E_UNSUPPORTED, text("%s has no memory that the host can write",
                                           core.physical.properties.deviceName));
  return uint32_t(best);
}

}  // namespace

void Core::log(uint32_t level, const std::string& line) const {
  if (host.log) host.log(host.ctx, level, line.c_str());
}

Block::Block(Core& core, uint64_t size, const std::string& what)
    : core_(core), size_(std::max<uint64_t>(size, 64)), id_(core.next_block++) {
  core.faults.on_allocation();
  const uint64_t most = core.physical.limits.allocation;
  if (size_ > most)
    throw Failure(WEFT_E_OUT_OF_MEMORY,
                  text("%s takes %llu bytes, and the device allocates at most %llu at once",
                       what.c_str(), Count(size_), Count(most)));
  const uint64_t before = core.used_bytes.fetch_add(size_);
  if (before > core.cap_bytes || size_ > core.cap_bytes - before) {
    core.used_bytes -= size_;
    throw Failure(WEFT_E_OUT_OF_MEMORY,
                  text("%s takes %llu bytes, and of the NPU's %llu only %llu are free; option cap "
                       "sets how much it has",
                       what.c_str(), Count(size_), Count(core.cap_bytes),
                       Count(core.cap_bytes - std::min(before, core.cap_bytes))));
  }
  counted_ = size_;
  try {
    create_buffer(nullptr);
    VkMemoryRequirements needs{};
    core.vk.GetBufferMemoryRequirements(core.device, buffer_.get(), &needs);
    allocate(needs, needs.memoryTypeBits, nullptr);
    void* mapped = nullptr;
    check(core.vk.MapMemory(core.device, memory_.get(), 0, VK_WHOLE_SIZE, 0, &mapped),
          "vkMapMemory");
    data_ = static_cast<char*>(mapped);
  } catch (...) {
    core.used_bytes -= counted_;
    throw;
  }
}

Block::Block(Core& core, void* pages, uint64_t size)
    : core_(core), size_(size), id_(core.next_block++), data_(static_cast<char*>(pages)) {
  const uint64_t alignment = core.physical.limits.import_alignment;
  if (alignment == 0)
    throw Failure(WEFT_E_UNSUPPORTED, "the driver cannot use memory of the host in place");
  if (size == 0 || reinterpret_cast<uintptr_t>(pages) % alignment || size % alignment)
    throw Failure(WEFT_E_INVALID,
                  text("memory of the host can be used in place in whole pages of %llu bytes only; "
                       "%llu bytes at %p are not",
                       Count(alignment), Count(size), pages));
  VkExternalMemoryBufferCreateInfo external{};
  external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
  external.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  create_buffer(&external);
  VkMemoryRequirements needs{};
  core.vk.GetBufferMemoryRequirements(core.device, buffer_.get(), &needs);
  VkMemoryHostPointerPropertiesEXT found{};
  found.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT;
  check(core.vk.GetMemoryHostPointerPropertiesEXT(
            core.device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, pages, &found),
        "vkGetMemoryHostPointerPropertiesEXT");
  VkImportMemoryHostPointerInfoEXT import{};
  import.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT;
  import.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  import.pHostPointer = pages;
  needs.size = size;
  allocate(needs, needs.memoryTypeBits & found.memoryTypeBits, &import);
}

Block::~Block() { core_.used_bytes -= counted_; }

void Block::create_buffer(const void* next) {
  VkBufferCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  info.pNext = next;
  info.size = size_;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  VkBuffer handle = nullptr;
  check(core_.vk.CreateBuffer(core_.device, &info, nullptr, &handle), "vkCreateBuffer");
  buffer_ = VulkanBuffer(core_.vk, core_.device, handle);
}

void Block::allocate(const VkMemoryRequirements& needs, uint32_t types, const void* next) {
  VkMemoryAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  info.pNext = next;
  info.allocationSize = needs.size;
  info.memoryTypeIndex = best_type(core_, types);
  VkDeviceMemory handle = nullptr;
  check(core_.vk.AllocateMemory(core_.device, &info, nullptr, &handle), "vkAllocateMemory");
  memory_ = VulkanMemory(core_.vk, core_.device, handle);
  check(core_.vk.BindBufferMemory(core_.device, buffer_.get(), handle, 0), "vkBindBufferMemory");
}

void* NpuBuffer::map(uint64_t offset, uint64_t size, uint32_t) {
  if (offset > size_ || size > size_ - offset)
    throw Failure(WEFT_E_INVALID, "the mapped range lies outside the buffer");
  return block_.data() + offset;
}

void NpuBuffer::unmap(void* pointer) {
  const char* p = static_cast<const char*>(pointer);
  if (p < block_.data() || p > block_.data() + size_)
    throw Failure(WEFT_E_INVALID, "the pointer to unmap is not of this buffer");
}

}  // namespace weft::vulkan_npu
