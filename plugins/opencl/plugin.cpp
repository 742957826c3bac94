// The opencl plugin: float kernels on whatever OpenCL 1.2 devices there are.
//
//   facts, limits, options   what a device is, what it can take, what the user decides
//   context, kernel_library  what an open device holds: memory, constants, the program of kernels
//   buffer, event, queue     the ABI's objects over OpenCL's
//   ops.def, ops/            which nodes are taken, and how each is run
//   program, submission      a compiled island, and the commands of one run
//   kernels/                 OpenCL C, two families; see kernel_library.h
#include <weft/note.h>

#include <cstdlib>
#include <cstring>

#include "plugins/opencl/device.h"
#include "plugins/opencl/priority.h"
#include "plugins/opencl/queue.h"

namespace weft::opencl {

namespace {

class OpenclPlugin final : public plugin::Plugin {
 public:
  explicit OpenclPlugin(const weft_host& host) : host_(plugin::read_struct(&host)) {}

  const void* extension(const char* id) override {
    if (std::strcmp(id, WEFT_EXT_EXTERNAL_MEMORY) == 0) return &kExternalMemory;
    return std::strcmp(id, WEFT_EXT_THROTTLE) == 0 ? &kThrottle : nullptr;
  }
  void device_info(uint32_t index, weft_device_info& out) override;
  plugin::Device* open(uint32_t index, const weft_kv* options, uint32_t count) override;

 private:
  const DeviceFacts& facts(uint32_t index);

  weft_host host_;
  std::mutex mutex_;  // guards the list, which is made when first asked for
  bool listed_ = false;
  std::vector<DeviceFacts> devices_;
  std::string why_none_;
};

const DeviceFacts& OpenclPlugin::facts(uint32_t index) {
  const std::lock_guard lock(mutex_);
  if (!listed_) devices_ = list_devices(why_none_);
  listed_ = true;
  if (devices_.empty()) throw Failure(WEFT_E_INVALID, why_none_);
  if (index >= devices_.size())
    throw Failure(WEFT_E_INVALID, text("there is no OpenCL device %u: the last of %zu is %zu",
                                       index, devices_.size(), devices_.size() - 1));
  return devices_[index];
}

void OpenclPlugin::device_info(uint32_t index, weft_device_info& out) {
  const DeviceFacts& device = facts(index);
  out.type = device.is_processor ? WEFT_DEV_CPU : WEFT_DEV_GPU;
  std::snprintf(out.name, sizeof out.name, "%s", device.name.c_str());
  std::snprintf(out.driver, sizeof out.driver, "%s", device.driver.c_str());
  out.memory_total = device.memory;
  out.max_buffer = device.limits.allocation_bytes;
  out.buffer_alignment = 1;  // kernels add offsets; a tensor need only be aligned to its elements
  out.memory_kinds = WEFT_MEM_DEVICE_LOCAL | (device.unified_memory ? WEFT_MEM_HOST_VISIBLE : 0) |
                     (device.coherent ? WEFT_MEM_HOST_COHERENT | WEFT_MEM_HOST_CACHED : 0);
  out.queue_count = 1;
  out.priority_levels = priority_hints(device).queue_priority ? 3 : 1;
  out.dtypes_compute[0] = uint64_t{1} << WEFT_F32;
}

plugin::Device* OpenclPlugin::open(uint32_t index, const weft_kv* options, uint32_t count) {
  const DeviceFacts& device = facts(index);
  std::string ignored;
  const Options chosen =
      choose_options(device, std::getenv("WEFT_OPENCL"), options, count, ignored);
  if (!ignored.empty() && host_.log)
    host_.log(host_.ctx, WEFT_LOG_WARN, ("options that opencl does not know: " + ignored).c_str());
  return new OpenclDevice(device, chosen, [host = host_](const std::string& line) {
    if (host.log) host.log(host.ctx, WEFT_LOG_INFO, line.c_str());
  });
}

}  // namespace
}  // namespace weft::opencl

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  return weft::plugin::enter(
      args, error, "weft", "opencl", "weft opencl 0.1",
      [](const weft_host& host) { return new weft::opencl::OpenclPlugin(host); });
}
