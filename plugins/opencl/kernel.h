// A kernel object, the arguments it has, and what a work-group of it costs.
//
// An op sets all arguments of each run; the driver is told those that changed. Between two tokens
// only lengths do, so most are kept (Transformer-Lite, spec A1: touch what changed). A memory
// object may get the handle of one that is gone, so memory counts as changed once any has been made
// since.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "plugins/opencl/cl_handle.h"
#include "plugins/opencl/counters.h"
#include "plugins/opencl/tensor.h"

namespace weft::opencl {

// Copies are the same kernel. One at a time sets arguments and enqueues.
class Kernel {
 public:
  // `counters` outlives the kernel.
  Kernel(ClKernel handle, std::string name, cl_device_id device, Counters& counters);

  // Sets all arguments, in order: a Tensor is its memory and its offset in elements.
  template <typename... Arguments>
  void arguments(const Arguments&... list) const {
    cl_uint at = 0;
    (set(at, list), ...);
  }
  cl_kernel handle() const { return state_->handle.get(); }
  const std::string& name() const { return state_->name; }
  size_t largest_group() const { return state_->largest_group; }
  uint64_t local_bytes() const { return state_->local_bytes; }
  // Nanoseconds of a work-group, as a throttle has seen it; 0: not yet.
  double& group_ns() const { return state_->group_ns; }

 private:
  static constexpr size_t kLargestArgument = 128;  // cl_long16
  struct Argument {
    size_t size = 0;
    uint64_t memories = 0;  // Counters::memories when it was set, for memory
    std::array<unsigned char, kLargestArgument> bytes;
  };
  struct State {
    ClKernel handle;
    std::string name;
    Counters& counters;
    size_t largest_group = 0;
    uint64_t local_bytes = 0;
    double group_ns = 0;
    std::vector<Argument> arguments;
  };
  void set(cl_uint& at, const void* value, size_t size, uint64_t memories) const;
  template <typename T>
  void set(cl_uint& at, const T& value) const {
    static_assert(sizeof value <= kLargestArgument);
    set(at, &value, sizeof value, 0);
  }
  void set(cl_uint& at, const cl_mem& memory) const;
  void set(cl_uint& at, const Tensor& tensor) const;

  std::shared_ptr<State> state_;
};

}  // namespace weft::opencl
