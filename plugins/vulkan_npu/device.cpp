// Opening a device; see device.h.
#include "plugins/vulkan_npu/device.h"

#include "plugins/vulkan_npu/unit.h"

namespace weft::vulkan_npu {

using plugin::Failure;

NpuDevice::Open::Open(Core& c, bool import) : core(c) {
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = core.physical.family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v12.storageBuffer8BitAccess = VK_TRUE;
  v12.timelineSemaphore = VK_TRUE;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &v12;
  features.features.shaderInt64 = VK_TRUE;
  const char* extension = VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &features;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = import ? 1 : 0;
  info.ppEnabledExtensionNames = &extension;
  check(core.vk.CreateDevice(core.physical.handle, &info, nullptr, &core.device), "vkCreateDevice");
  core.vk.GetDeviceQueue(core.device, core.physical.family, 0, &core.queue);
}

NpuDevice::Open::~Open() { core.vk.DestroyDevice(core.device, nullptr); }

NpuDevice::NpuDevice(const Instance& instance, const PhysicalDevice& physical,
                     const Settings& settings, const weft_host& host)
    : core_(instance.vk(), physical, host, settings.fault),
      open_(core_, settings.host_memory && physical.limits.import_alignment),
      kernels_(core_),
      tuner_(settings.choice) {
  core_.cap_bytes = settings.cap_bytes;
  core_.host_memory = settings.host_memory && physical.limits.import_alignment &&
                      core_.vk.GetMemoryHostPointerPropertiesEXT;
  if (settings.host_memory && !core_.host_memory)
    core_.log(WEFT_LOG_WARN,
              "memory=host is not to be had, the driver cannot use "
              "memory of the host in place; the device's own memory is used");
}

NpuDevice::~NpuDevice() = default;

void NpuDevice::claim(const weft_graph& graph, const weft_claim_sink& sink) {
  const Units units = find_units(plugin::GraphView(graph), core_.physical.limits, core_.cap_bytes);
  common::answer_claims(
      graph, sink, WEFT_CLAIM_NEEDS_STATIC_SHAPES | WEFT_CLAIM_WANTS_CONSTANTS,
      [&](const plugin::NodeView& node) {
        const auto refused = units.refused.find(node.index());
        if (refused != units.refused.end()) throw refused->second;
      },
      units.nodes);
}

uint32_t NpuDevice::blob_check(const void* head, uint64_t size) {
  return check_weight_blob(core_.physical, head, size);
}

plugin::Program* NpuDevice::compile(const weft_compile_args& args) {
  core_.faults.on_compile();
  return new NpuProgram({core_, kernels_, tuner_, weights_}, args);
}

plugin::Buffer* NpuDevice::allocate(const weft_buffer_desc& desc) {
  return new NpuBuffer(core_, desc.size, desc.debug_name);
}

plugin::Buffer* NpuDevice::import(void* pages, uint64_t size) {
  if (!core_.host_memory)
    throw Failure(WEFT_E_UNSUPPORTED,
                  "the NPU has an address space of its own; option memory=host lets it use the "
                  "host's");
  return new NpuBuffer(core_, pages, size);
}

plugin::Queue* NpuDevice::create_queue(const weft_queue_desc&) {
  return new NpuQueue(core_, events_);
}

// Events are completed by the queues' threads a moment later; waiting for them is event_wait's.
void NpuDevice::wait_idle() {
  const std::lock_guard lock(core_.queue_mutex);
  check(core_.vk.QueueWaitIdle(core_.queue), "vkQueueWaitIdle");
}

}  // namespace weft::vulkan_npu
