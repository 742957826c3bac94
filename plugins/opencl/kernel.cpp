// Telling the driver what changed; see kernel.h.
#include "plugins/opencl/kernel.h"

#include <cstring>

#include "plugins/common/row.h"

namespace weft::opencl {

Kernel::Kernel(ClKernel handle, std::string name, cl_device_id device, Counters& counters)
    : state_(new State{std::move(handle), std::move(name), counters, 0, 0, 0, {}}) {
  check(clGetKernelWorkGroupInfo(state_->handle.get(), device, CL_KERNEL_WORK_GROUP_SIZE,
                                 sizeof state_->largest_group, &state_->largest_group, nullptr),
        "clGetKernelWorkGroupInfo");
  cl_ulong local = 0;
  check(clGetKernelWorkGroupInfo(state_->handle.get(), device, CL_KERNEL_LOCAL_MEM_SIZE,
                                 sizeof local, &local, nullptr),
        "clGetKernelWorkGroupInfo");
  state_->local_bytes = local;
}

void Kernel::set(cl_uint& at, const void* value, size_t size, uint64_t memories) const {
  State& s = *state_;
  if (s.arguments.size() <= at) s.arguments.resize(at + 1);
  Argument& last = s.arguments[at];
  if (last.size == size && last.memories == memories &&
      std::memcmp(last.bytes.data(), value, size) == 0) {
    s.counters.arguments_kept.fetch_add(1, std::memory_order_relaxed);
    at++;
    return;
  }
  last.size = 0;  // unknown, should the driver refuse
  const cl_int code = clSetKernelArg(s.handle.get(), at, size, value);
  if (code != CL_SUCCESS)
    throw Failure(WEFT_E_INTERNAL, text("argument %u of kernel %s: %s", at, s.name.c_str(),
                                        error_name(code).c_str()));
  std::memcpy(last.bytes.data(), value, size);
  last.size = size;
  last.memories = memories;
  s.counters.arguments_set.fetch_add(1, std::memory_order_relaxed);
  at++;
}

void Kernel::set(cl_uint& at, const cl_mem& memory) const {
  set(at, &memory, sizeof memory, state_->counters.memories.load(std::memory_order_relaxed));
}

void Kernel::set(cl_uint& at, const Tensor& tensor) const {
  set(at, tensor.memory);
  set(at, cl_long(tensor.offset / common::element_size(tensor.dtype)));
}

}  // namespace weft::opencl
