// Vulkan without linking to it: a table of functions found at run time, results as words, and
// owners of handles.
//
// A machine without the Vulkan loader still loads this plugin, and is told so in one sentence.
#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include <string>
#include <utility>

#include "weft/plugin.hpp"

namespace weft::vulkan_npu {

// One pointer per line of functions.def.
struct Vk {
#define VK_LOADER(name) PFN_vk##name name = nullptr;
#define VK_INSTANCE(name) PFN_vk##name name = nullptr;
#define VK_EXTENSION(name) PFN_vk##name name = nullptr;
#include "plugins/vulkan_npu/functions.def"
#undef VK_LOADER
#undef VK_INSTANCE
#undef VK_EXTENSION
};

// Opens the Vulkan loader and fills what needs no instance. Throws Failure (WEFT_E_UNSUPPORTED)
// with the sentence for users when there is none. The library stays open.
PFN_vkGetInstanceProcAddr open_loader(Vk& vk);
// Fills the rest. Throws Failure when a function of Vulkan 1.2 is missing.
void load_functions(Vk& vk, PFN_vkGetInstanceProcAddr get, VkInstance instance);

// "VK_ERROR_OUT_OF_DEVICE_MEMORY", or "VkResult -17".
std::string result_name(VkResult result);
// The status of the ABI for a failed call.
weft_status status_of(VkResult result);
// Throws Failure "<call>: VK_ERROR_..." unless `result` is a success.
void check(VkResult result, const char* call);

// A handle that belongs to a VkDevice, destroyed by `kDestroy` of the table.
template <typename T, auto kDestroy>
class Owned {
 public:
  Owned() = default;
  Owned(const Vk& vk, VkDevice device, T handle) : vk_(&vk), device_(device), handle_(handle) {}
  Owned(Owned&& other) noexcept
      : vk_(other.vk_), device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(vk_, other.vk_);
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_) (vk_->*kDestroy)(device_, handle_, nullptr);
  }
  T get() const { return handle_; }

 private:
  const Vk* vk_ = nullptr;
  VkDevice device_ = nullptr;
  T handle_ = nullptr;
};

using CommandPool = Owned<VkCommandPool, &Vk::DestroyCommandPool>;
using DescriptorPool = Owned<VkDescriptorPool, &Vk::DestroyDescriptorPool>;
using SetLayout = Owned<VkDescriptorSetLayout, &Vk::DestroyDescriptorSetLayout>;
using Pipeline = Owned<VkPipeline, &Vk::DestroyPipeline>;
using PipelineLayout = Owned<VkPipelineLayout, &Vk::DestroyPipelineLayout>;
using QueryPool = Owned<VkQueryPool, &Vk::DestroyQueryPool>;
using Semaphore = Owned<VkSemaphore, &Vk::DestroySemaphore>;
using ShaderModule = Owned<VkShaderModule, &Vk::DestroyShaderModule>;
using VulkanBuffer = Owned<VkBuffer, &Vk::DestroyBuffer>;
using VulkanMemory = Owned<VkDeviceMemory, &Vk::FreeMemory>;

}  // namespace weft::vulkan_npu
