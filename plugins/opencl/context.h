// What the parts of an open device share: its OpenCL context, memory, kernels and constants.
#pragma once

#include <functional>

#include "plugins/common/live_constants.h"
#include "plugins/opencl/cl_handle.h"
#include "plugins/opencl/facts.h"
#include "plugins/opencl/kernel.h"
#include "plugins/opencl/kernel_library.h"
#include "plugins/opencl/options.h"
#include "plugins/opencl/tuner.h"

namespace weft::opencl {

// A constant as the device keeps it. Shared by whatever has the same content and layout.
struct DeviceConstant {
  ClMemory memory;
  uint64_t size = 0;
};
using ConstantRef = common::LiveConstants<DeviceConstant>::Ref;

class Context {
 public:
  Context(DeviceFacts device, Options options);

  const DeviceFacts facts;
  const Options options;
  mutable Counters counters;

  cl_context handle() const { return context_.get(); }
  // A queue for what the host asks in between: mapping, uploads. [any thread]
  cl_command_queue service() const { return service_.get(); }
  // `priority` as weft_queue_desc has it; the driver is told where it takes hints. Timestamps are
  // for profiles and throttles.
  ClQueue create_queue(int32_t priority, bool timestamps) const;
  // Uninitialised memory of at least one byte; throws WEFT_E_OUT_OF_MEMORY.
  ClMemory allocate(uint64_t size) const;
  // Memory that holds `size` bytes of the host's from the start.
  ClMemory copy_of(const void* bytes, uint64_t size) const;
  KernelLibrary& kernels() { return kernels_; }
  Tuner& tuner() { return tuner_; }
  // A new kernel object of the library, which has been built.
  Kernel kernel(const std::string& name) {
    return Kernel(kernels_.kernel(name), name, facts.id, counters);
  }
  // The live constant of this key, else a new one that `fill` writes. [any thread]
  ConstantRef constant(const common::ConstantKey& key, uint64_t size,
                       const std::function<void(char*)>& fill);

 private:
  ClContext context_;
  ClQueue service_;
  Tuner tuner_;
  KernelLibrary kernels_;
  common::LiveConstants<DeviceConstant> constants_;
};

}  // namespace weft::opencl
