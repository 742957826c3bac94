// The plugin: an NPU as it behaves, in compute shaders. Entry, list of devices, import of host
// memory.
#include <weft/note.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "plugins/common/host_memory.h"
#include "plugins/vulkan_npu/device.h"

namespace weft::vulkan_npu {

using plugin::Failure;
using plugin::text;

namespace {

// ------------------------------------------------------------------ weft.external_memory/1
NpuDevice& device_of(weft_device* device) {
  return static_cast<NpuDevice&>(*plugin::object(device));
}

uint32_t WEFT_CALL external_kinds(weft_device* device, uint32_t for_export) {
  return !for_export && device_of(device).imports() ? 1u << WEFT_HANDLE_HOST_PTR : 0;
}

weft_status WEFT_CALL import_buffer(weft_device* device, const weft_external* external,
                                    weft_buffer** out, weft_error* error) {
  return plugin::guarded(error, [&] {
    const weft_external mine = common::read_host_pointer(external);
    *out = plugin::handle(
        device_of(device).import(static_cast<char*>(mine.ptr) + mine.offset, mine.size));
  });
}

weft_status WEFT_CALL export_buffer(weft_buffer*, uint32_t, weft_external*, weft_error* error) {
  return plugin::report(error, WEFT_E_UNSUPPORTED, "the NPU's buffers cannot be exported");
}

constexpr weft_ext_external_memory_1 kExternalMemory = {external_kinds, import_buffer,
                                                        export_buffer, nullptr, nullptr};

// ------------------------------------------------------------------ the plugin
class NpuPlugin final : public plugin::Plugin {
 public:
  explicit NpuPlugin(const weft_host& host);
  const void* extension(const char* id) override {
    return std::strcmp(id, WEFT_EXT_EXTERNAL_MEMORY) == 0 ? &kExternalMemory : nullptr;
  }
  void device_info(uint32_t index, weft_device_info& out) override;
  plugin::Device* open(uint32_t index, const weft_kv* options, uint32_t count) override;

 private:
  const PhysicalDevice& device(uint32_t index) const;

  weft_host host_;
  Settings settings_;
  std::unique_ptr<Instance> instance_;
  std::vector<const PhysicalDevice*> order_;  // most wanted first
  std::string why_none_;
};

// Vulkan that cannot be used is no failure of the plugin: it has no device then, and says why.
NpuPlugin::NpuPlugin(const weft_host& host) : host_(plugin::read_struct(&host)) {
  try {
    settings_ = settings_from_environment();
    instance_ = std::make_unique<Instance>(host_);
  } catch (const Failure& failure) {
    why_none_ = failure.message;
    return;
  }
  for (const PhysicalDevice& one : instance_->devices()) order_.push_back(&one);
  const auto rank = [&](const PhysicalDevice* one) {
    if (settings_.device == one->number) return 0;
    return one->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ? 2 : 1;
  };
  std::stable_sort(order_.begin(), order_.end(),
                   [&](auto* a, auto* b) { return rank(a) < rank(b); });
  if (order_.empty())
    why_none_ = "no Vulkan device here can run the NPU's kernels: " + instance_->left_out();
  if (!order_.empty() && settings_.device && rank(order_[0]) != 0) {
    why_none_ = text("WEFT_VULKAN_NPU asks for device %u, which is not there or cannot be used",
                     *settings_.device);
    order_.clear();
  }
}

const PhysicalDevice& NpuPlugin::device(uint32_t index) const {
  if (index < order_.size()) return *order_[index];
  throw Failure(WEFT_E_INVALID, order_.empty()
                                    ? why_none_
                                    : text("there are %zu devices, counted from 0", order_.size()));
}

void NpuPlugin::device_info(uint32_t index, weft_device_info& out) {
  const PhysicalDevice& from = device(index);
  out.type = WEFT_DEV_NPU;
  const std::string name = std::string("emulated NPU on ") + from.properties.deviceName;
  std::snprintf(out.name, sizeof out.name, "%s", name.c_str());
  std::snprintf(out.driver, sizeof out.driver, "%s", from.driver.c_str());
  std::memcpy(out.uuid, from.uuid, sizeof out.uuid);
  out.memory_total = out.memory_free = std::min(settings_.cap_bytes, from.memory_bytes);
  out.max_buffer = std::min(settings_.cap_bytes, from.limits.allocation);
  out.buffer_alignment = 64;
  out.memory_kinds = WEFT_MEM_HOST_VISIBLE | WEFT_MEM_HOST_COHERENT | WEFT_MEM_DEVICE_LOCAL;
  out.queue_count = 1;
  out.priority_levels = 1;
  out.dtypes_compute[0] = uint64_t{1} << WEFT_I8;
}

plugin::Device* NpuPlugin::open(uint32_t index, const weft_kv* options, uint32_t count) {
  Settings settings = settings_;
  const PhysicalDevice* chosen = &device(index);
  for (uint32_t i = 0; i < count; i++) {
    const std::string key = options[i].key, value = options[i].value;
    if (key == "compute") continue;   // products are of int8, whatever is wished
    if (key == "priority") continue;  // its one queue has one
    if (!apply_option(settings, key, value)) {
      if (host_.log)
        host_.log(
            host_.ctx, WEFT_LOG_WARN,
            text("option '%s' is ignored; there are device, memory and cap", key.c_str()).c_str());
    } else if (key == "device") {
      const auto found = std::find_if(order_.begin(), order_.end(), [&](const auto* one) {
        return one->number == *settings.device;
      });
      if (found == order_.end())
        throw Failure(WEFT_E_INVALID, text("there is no usable device %u", *settings.device));
      chosen = *found;
    }
  }
  return new NpuDevice(*instance_, *chosen, settings, host_);
}

}  // namespace
}  // namespace weft::vulkan_npu

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  return weft::plugin::enter(
      args, error, "weft", "vulkan_npu", "weft vulkan_npu 0.1",
      [](const weft_host& host) { return new weft::vulkan_npu::NpuPlugin(host); });
}
