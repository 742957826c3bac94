// Context, queues and constants of a device; see context.h.
#include "plugins/opencl/context.h"

#include "plugins/opencl/priority.h"

namespace weft::opencl {

namespace {

ClContext create_context(const DeviceFacts& facts, const Options& options) {
  std::vector<cl_context_properties> properties = {
      CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(facts.platform)};
  add_context_hints(priority_hints(facts), options.priority, properties);
  properties.push_back(0);
  cl_int code = CL_SUCCESS;
  ClContext context(clCreateContext(properties.data(), 1, &facts.id, nullptr, nullptr, &code));
  check(code, "clCreateContext");
  return context;
}

DeviceFacts limited(DeviceFacts facts, const Options& chosen) {
  uint64_t& most = facts.limits.allocation_bytes;
  most = std::min(most, chosen.allocation_bytes);
  return facts;
}

}  // namespace

Context::Context(DeviceFacts device, Options chosen)
    : facts(limited(std::move(device), chosen)),
      options(chosen),
      context_(create_context(facts, options)),
      service_(create_queue(0, false)),
      tuner_(service_.get(), facts.limits, counters, options.variant),
      kernels_(facts, context_, options, counters, tuner_) {}

ClQueue Context::create_queue(int32_t priority, bool timestamps) const {
  return make_queue(context_.get(), facts, priority, timestamps);
}

ClMemory Context::allocate(uint64_t size) const {
  check_allocation(facts.limits, size);
  cl_mem_flags flags = CL_MEM_READ_WRITE;
  if (options.share_memory) flags |= CL_MEM_ALLOC_HOST_PTR;
  counters.memories++;
  cl_int code = CL_SUCCESS;
  ClMemory memory(
      clCreateBuffer(context_.get(), flags, std::max<uint64_t>(size, 1), nullptr, &code));
  if (code != CL_SUCCESS)
    throw Failure(WEFT_E_OUT_OF_MEMORY,
                  text("no device memory for a buffer of %llu bytes: %s",
                       static_cast<unsigned long long>(size), error_name(code).c_str()));
  return memory;
}

ClMemory Context::copy_of(const void* bytes, uint64_t size) const {
  if (size == 0) return allocate(0);
  check_allocation(facts.limits, size);
  cl_int code = CL_SUCCESS;
  ClMemory memory(clCreateBuffer(context_.get(), CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, size,
                                 const_cast<void*>(bytes), &code));
  check(code, "clCreateBuffer of a copy");
  return memory;
}

ConstantRef Context::constant(const common::ConstantKey& key, uint64_t size,
                              const std::function<void(char*)>& fill) {
  return constants_.get(key, [&] {
    auto fresh = std::make_shared<DeviceConstant>();
    fresh->memory = allocate(size);
    fresh->size = size;
    if (size == 0) return fresh;
    cl_int code = CL_SUCCESS;
    void* to =
        clEnqueueMapBuffer(service(), fresh->memory.get(), CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION,
                           0, size, 0, nullptr, nullptr, &code);
    check(code, "clEnqueueMapBuffer");
    fill(static_cast<char*>(to));
    check(clEnqueueUnmapMemObject(service(), fresh->memory.get(), to, 0, nullptr, nullptr),
          "clEnqueueUnmapMemObject");
    check(clFinish(service()), "clFinish");
    return fresh;
  });
}

}  // namespace weft::opencl
