// The Vulkan instance of the plugin, and the devices found through it.
//
// Messages of validation layers and drivers go to the host's log, so that they reach the user and
// tests can count them.
#pragma once

#include <vector>

#include "plugins/vulkan_npu/vk.h"

namespace weft::vulkan_npu {

// What the kernels and the memory of a device must keep to. All in bytes unless said.
struct Limits {
  uint64_t storage_range = 0;      // most that one binding of a kernel may cover
  uint64_t allocation = 0;         // most that one allocation may have
  uint64_t offset_alignment = 1;   // of a binding
  uint64_t import_alignment = 0;   // of imported host memory, address and size; 0: no import
  uint32_t groups = 0;             // most workgroups in one direction
  bool rounds_to_nearest = false;  // RoundingModeRTE can be asked for
  float timestamp_ns = 0;          // of one tick; 0: no timestamps
};

struct PhysicalDevice {
  VkPhysicalDevice handle = nullptr;
  uint32_t number = 0;  // as Vulkan counts
  VkPhysicalDeviceProperties properties{};
  std::string driver;     // name and version: the key of stored programs
  uint8_t uuid[16] = {};  // of the hardware
  uint32_t family = 0;    // of queues that compute
  Limits limits;
  uint64_t memory_bytes = 0;  // of the largest heap
};

class Instance {
 public:
  // Throws Failure with a sentence for users when Vulkan cannot be used here.
  explicit Instance(const weft_host& host);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  const Vk& vk() const { return vk_; }
  // Those that can run the kernels, in Vulkan's order.
  const std::vector<PhysicalDevice>& devices() const { return devices_; }
  // Why the others cannot, one sentence after the other.
  const std::string& left_out() const { return left_out_; }

 private:
  void create(PFN_vkGetInstanceProcAddr get);
  void find_devices();

  const weft_host& host_;
  Vk vk_;
  VkInstance instance_ = nullptr;
  VkDebugUtilsMessengerEXT messenger_ = nullptr;
  std::vector<PhysicalDevice> devices_;
  std::string left_out_;
};

}  // namespace weft::vulkan_npu
