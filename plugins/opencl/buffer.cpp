// Allocating, importing and mapping; see buffer.h.
#include "plugins/opencl/buffer.h"

#include <algorithm>

namespace weft::opencl {

namespace {

// The mode of buffer_map in which what was there is not read.
constexpr uint32_t kWriteOnly = 2;

cl_map_flags flags_of(uint32_t mode) {
  if (mode == kWriteOnly) return CL_MAP_WRITE_INVALIDATE_REGION;
  return CL_MAP_READ | (mode & 2 ? CL_MAP_WRITE : 0);
}

}  // namespace

DeviceBuffer::DeviceBuffer(Context& context, uint64_t size)
    : context_(context),
      memory_(context.allocate(size)),
      size_(size),
      in_place_(context.options.share_memory) {}

DeviceBuffer::DeviceBuffer(Context& context, void* pointer, uint64_t offset, uint64_t size)
    : context_(context), base_(offset), size_(size), in_place_(true) {
  uint64_t whole = 0;
  if (__builtin_add_overflow(offset, size, &whole))
    throw Failure(WEFT_E_INVALID, "an imported range ends beyond the address space");
  check_import(context.facts.limits, pointer, whole);
  context.counters.memories++;
  cl_int code = CL_SUCCESS;
  memory_ = ClMemory(clCreateBuffer(context.handle(), CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR,
                                    std::max<uint64_t>(whole, 1), pointer, &code));
  check(code, "clCreateBuffer of a host pointer");
}

void* DeviceBuffer::map(uint64_t offset, uint64_t size, uint32_t mode) {
  if (offset > size_ || size > size_ - offset)
    throw Failure(WEFT_E_INVALID, "the mapped range lies outside the buffer");
  Mapped mapped{nullptr, offset, size, (mode & 2) != 0, {}};
  if (size == 0) {
    mapped.written = false;
    mapped.staging.resize(1);
    mapped.pointer = mapped.staging.data();
  } else if (in_place_) {
    cl_int code = CL_SUCCESS;
    mapped.pointer = clEnqueueMapBuffer(context_.service(), memory_.get(), CL_TRUE, flags_of(mode),
                                        base_ + offset, size, 0, nullptr, nullptr, &code);
    check(code, "clEnqueueMapBuffer");
  } else {
    mapped.pointer = map_staged(mapped, mode);
  }
  mapped_.push_back(std::move(mapped));
  return mapped_.back().pointer;
}

void* DeviceBuffer::map_staged(Mapped& mapped, uint32_t mode) {
  mapped.staging = std::move(spare_);
  mapped.staging.resize(mapped.size);
  if (mode != kWriteOnly)
    check(clEnqueueReadBuffer(context_.service(), memory_.get(), CL_TRUE, base_ + mapped.offset,
                              mapped.size, mapped.staging.data(), 0, nullptr, nullptr),
          "clEnqueueReadBuffer");
  return mapped.staging.data();
}

void DeviceBuffer::unmap(void* pointer) {
  const auto found = std::find_if(mapped_.begin(), mapped_.end(),
                                  [&](const Mapped& m) { return m.pointer == pointer; });
  if (found == mapped_.end())
    throw Failure(WEFT_E_INVALID, "the pointer to unmap is not one that map gave");
  Mapped mapped = std::move(*found);
  mapped_.erase(found);
  if (mapped.size == 0) return;
  if (in_place_) {
    check(clEnqueueUnmapMemObject(context_.service(), memory_.get(), pointer, 0, nullptr, nullptr),
          "clEnqueueUnmapMemObject");
    check(clFinish(context_.service()), "clFinish");
    return;
  }
  if (mapped.written)
    check(clEnqueueWriteBuffer(context_.service(), memory_.get(), CL_TRUE, base_ + mapped.offset,
                               mapped.size, pointer, 0, nullptr, nullptr),
          "clEnqueueWriteBuffer");
  spare_ = std::move(mapped.staging);
}

}  // namespace weft::opencl
