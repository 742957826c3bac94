// Creating the instance and judging its devices; see instance.h.
#include "plugins/vulkan_npu/instance.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace weft::vulkan_npu {

using plugin::Failure;

namespace {

bool has(const std::vector<VkExtensionProperties>& list, const char* name) {
  return std::any_of(list.begin(), list.end(), [&](const VkExtensionProperties& one) {
    return std::strcmp(one.extensionName, name) == 0;
  });
}

VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                               VkDebugUtilsMessageTypeFlagsEXT,
                               const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  const auto& host = *static_cast<const weft_host*>(user);
  const bool error = severity >= VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  if (host.log)
    host.log(host.ctx, error ? WEFT_LOG_ERROR : WEFT_LOG_WARN,
             data->pMessage ? data->pMessage : "a message of Vulkan without text");
  return VK_FALSE;
}

// What a kernel needs and this device lacks, or nothing.
const char* missing_feature(const Vk& vk, VkPhysicalDevice device, uint32_t version) {
  if (version < VK_API_VERSION_1_2) return "Vulkan 1.2";
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  VkPhysicalDeviceFeatures2 all{};
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  all.pNext = &v12;
  vk.GetPhysicalDeviceFeatures2(device, &all);
  if (!all.features.shaderInt64) return "shaderInt64";
  if (!v12.storageBuffer8BitAccess) return "storageBuffer8BitAccess";
  if (!v12.timelineSemaphore) return "timelineSemaphore";
  return nullptr;
}

// The family to compute with: one without graphics before one with, as it is less busy.
std::optional<VkQueueFamilyProperties> find_family(const Vk& vk, VkPhysicalDevice device,
                                                   uint32_t& index) {
  uint32_t count = 0;
  vk.GetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vk.GetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  std::optional<VkQueueFamilyProperties> found;
  for (uint32_t i = 0; i < count; i++) {
    if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)) continue;
    const bool busy = families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;
    if (found && busy) continue;
    found = families[i];
    index = i;
    if (!busy) break;
  }
  return found;
}

bool can_import(const Vk& vk, VkPhysicalDevice device) {
  uint32_t count = 0;
  vk.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> list(count);
  vk.EnumerateDeviceExtensionProperties(device, nullptr, &count, list.data());
  return has(list, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
}

void describe(const Vk& vk, PhysicalDevice& device, const VkQueueFamilyProperties& family) {
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{};
  host.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT;
  VkPhysicalDeviceVulkan12Properties v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
  VkPhysicalDeviceVulkan11Properties v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
  v11.pNext = &v12;
  const bool imports = can_import(vk, device.handle);
  if (imports) v12.pNext = &host;
  VkPhysicalDeviceProperties2 all{};
  all.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  all.pNext = &v11;
  vk.GetPhysicalDeviceProperties2(device.handle, &all);
  const VkPhysicalDeviceLimits& limits = all.properties.limits;
  device.limits.storage_range = limits.maxStorageBufferRange;
  device.limits.allocation = v11.maxMemoryAllocationSize;
  device.limits.offset_alignment = std::max<uint64_t>(1, limits.minStorageBufferOffsetAlignment);
  device.limits.import_alignment = imports ? host.minImportedHostPointerAlignment : 0;
  device.limits.groups =
      std::min(limits.maxComputeWorkGroupCount[0], limits.maxComputeWorkGroupCount[1]);
  device.limits.rounds_to_nearest = v12.shaderRoundingModeRTEFloat32;
  device.limits.timestamp_ns = family.timestampValidBits == 64 ? limits.timestampPeriod : 0;
  device.driver = std::string(v12.driverName) + " " + v12.driverInfo + ", " +
                  std::to_string(all.properties.driverVersion);
  std::memcpy(device.uuid, v11.deviceUUID, sizeof device.uuid);
  VkPhysicalDeviceMemoryProperties memory{};
  vk.GetPhysicalDeviceMemoryProperties(device.handle, &memory);
  for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
    device.memory_bytes = std::max<uint64_t>(device.memory_bytes, memory.memoryHeaps[i].size);
}

}  // namespace

Instance::Instance(const weft_host& host) : host_(host) {
  create(open_loader(vk_));
  find_devices();
}

Instance::~Instance() {
  if (messenger_) vk_.DestroyDebugUtilsMessengerEXT(instance_, messenger_, nullptr);
  if (instance_) vk_.DestroyInstance(instance_, nullptr);
}

void Instance::create(PFN_vkGetInstanceProcAddr get) {
  uint32_t version = 0, count = 0;
  vk_.EnumerateInstanceVersion(&version);
  if (version < VK_API_VERSION_1_2)
    throw Failure(WEFT_E_UNSUPPORTED,
                  "the Vulkan loader is older than Vulkan 1.2, which is needed");
  vk_.EnumerateInstanceExtensionProperties(nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> list(count);
  vk_.EnumerateInstanceExtensionProperties(nullptr, &count, list.data());
  const bool messages = has(list, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  const char* extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;

  VkDebugUtilsMessengerCreateInfoEXT messenger{};
  messenger.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT;
  messenger.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                              VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                          VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT;
  messenger.pfnUserCallback = on_message;
  messenger.pUserData = const_cast<weft_host*>(&host_);

  VkApplicationInfo application{};
  application.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
  application.pApplicationName = "weft";
  application.apiVersion = VK_API_VERSION_1_2;
  VkInstanceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO;
  info.pApplicationInfo = &application;
  info.enabledExtensionCount = messages ? 1 : 0;
  info.ppEnabledExtensionNames = &extension;
  const VkResult made = vk_.CreateInstance(&info, nullptr, &instance_);
  if (made == VK_ERROR_INCOMPATIBLE_DRIVER)
    throw Failure(
        WEFT_E_UNSUPPORTED,
        "no Vulkan driver is installed; on Debian mesa-vulkan-drivers has one in software");
  check(made, "vkCreateInstance");
  load_functions(vk_, get, instance_);
  if (messages && vk_.CreateDebugUtilsMessengerEXT)
    check(vk_.CreateDebugUtilsMessengerEXT(instance_, &messenger, nullptr, &messenger_),
          "vkCreateDebugUtilsMessengerEXT");
}

void Instance::find_devices() {
  uint32_t count = 0;
  check(vk_.EnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices");
  std::vector<VkPhysicalDevice> handles(count);
  check(vk_.EnumeratePhysicalDevices(instance_, &count, handles.data()),
        "vkEnumeratePhysicalDevices");
  for (uint32_t i = 0; i < count; i++) {
    PhysicalDevice device;
    device.handle = handles[i];
    device.number = i;
    vk_.GetPhysicalDeviceProperties(device.handle, &device.properties);
    const char* lacks = missing_feature(vk_, device.handle, device.properties.apiVersion);
    const auto family = find_family(vk_, device.handle, device.family);
    if (lacks || !family) {
      left_out_ += plugin::text("%s%s lacks %s", left_out_.empty() ? "" : "; ",
                                device.properties.deviceName, lacks ? lacks : "a compute queue");
      continue;
    }
    describe(vk_, device, *family);
    devices_.push_back(std::move(device));
  }
  if (count == 0) left_out_ = "Vulkan lists no device";
}

}  // namespace weft::vulkan_npu
