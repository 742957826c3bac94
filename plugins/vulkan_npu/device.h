// weft_device: one physical device, open, with the caches its programs share.
#pragma once

#include <mutex>
#include <vector>

#include "plugins/common/host_event.h"
#include "plugins/vulkan_npu/instance.h"
#include "plugins/vulkan_npu/kernels.h"
#include "plugins/vulkan_npu/memory.h"
#include "plugins/vulkan_npu/queue.h"
#include "plugins/vulkan_npu/settings.h"
#include "plugins/vulkan_npu/weights.h"

namespace weft::vulkan_npu {

class NpuDevice final : public plugin::Device {
 public:
  // Throws Failure when the driver refuses.
  NpuDevice(const Instance& instance, const PhysicalDevice& physical, const Settings& settings,
            const weft_host& host);
  ~NpuDevice() override;

  void claim(const weft_graph& graph, const weft_claim_sink& sink) override;
  uint32_t blob_check(const void* head, uint64_t size) override;
  plugin::Program* compile(const weft_compile_args& args) override;
  plugin::Buffer* allocate(const weft_buffer_desc& desc) override;
  plugin::Queue* create_queue(const weft_queue_desc& desc) override;
  plugin::Event* create_event() override { return events_.take(1); }
  void wait_idle() override;

  // Pages of the host as a buffer; only with Settings::host_memory. Throws Failure.
  plugin::Buffer* import(void* pages, uint64_t size);
  bool imports() const { return core_.host_memory; }

 private:
  // The VkDevice: made first, ended last.
  struct Open {
    Open(Core& core, bool import);
    ~Open();
    Core& core;
  };

  Core core_;
  Open open_;
  Kernels kernels_;
  Tuner tuner_;
  common::EventPool events_;
  WeightPool weights_;
};

}  // namespace weft::vulkan_npu
