// Buffers: the device's own, or the host's pages used in place.
//
//   in place   (shared memory, and every import)  map and unmap are OpenCL's
//   staged     (memory of its own)                map reads into host memory, unmap writes back;
//                                                 what is only written is not read
//
// A tensor inside a buffer is an offset that kernels add; sub-buffers, with their alignment, are
// not used.
#pragma once

#include <mutex>
#include <vector>

#include "plugins/opencl/context.h"

namespace weft::opencl {

class DeviceBuffer final : public plugin::Buffer {
 public:
  DeviceBuffer(Context& context, uint64_t size);
  // Uses [pointer + offset, + size) in place; `pointer` keeps the device's alignment.
  DeviceBuffer(Context& context, void* pointer, uint64_t offset, uint64_t size);

  void* map(uint64_t offset, uint64_t size, uint32_t mode) override;
  void unmap(void* pointer) override;

  cl_mem memory() const { return memory_.get(); }
  // Of the buffer's first byte within memory().
  uint64_t base() const { return base_; }
  uint64_t size() const { return size_; }

 private:
  struct Mapped {
    void* pointer;
    uint64_t offset, size;
    bool written;
    std::vector<char> staging;
  };
  void* map_staged(Mapped& mapped, uint32_t mode);

  Context& context_;
  ClMemory memory_;
  uint64_t base_ = 0, size_ = 0;
  bool in_place_;
  std::vector<Mapped> mapped_;
  std::vector<char> spare_;  // staging of the last unmap, for the next map
};

}  // namespace weft::opencl
