// Memory of a session: one region per domain for activations and scratch, one for caches.
//
//   host domain     pages of this process, imported by every device of the domain: nothing is
//   copied
//                   between their islands
//   other domains   a buffer of the one device; the host maps ranges of it
//
// Pages are touched only when used, so room for the longest prompt costs nothing until it comes.
// Threads: those of the session.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "core/base/result.h"
#include "core/host/plugin.h"

namespace weft::runtime {

// Whether the device can use host pages in place (weft.external_memory/1 with host pointers).
bool imports_host_memory(const host::Device& device);

class Region {
 public:
  // `devices` (by index) share the region; `shared` says that it is host memory they all import.
  static Result<std::unique_ptr<Region>> create(int64_t size_bytes, bool shared,
                                                const std::map<uint32_t, host::DevicePtr>& devices,
                                                const char* name);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  // The region as `device` knows it; the device must be one of those it was created for.
  weft_buffer* buffer(uint32_t device) const { return buffers_.at(device).get(); }
  // Host memory: the bytes themselves. Empty for a device's own memory.
  std::span<std::byte> host_bytes() const { return {host_, host_ ? size_ : 0}; }
  // Copies between the region and host memory at `to`/`from`, mapping where it must.
  Status read(int64_t offset, std::span<std::byte> to) const;
  Status write(int64_t offset, std::span<const std::byte> from) const;
  size_t size_bytes() const { return size_; }

 private:
  Region() = default;
  size_t size_ = 0;
  std::byte* host_ = nullptr;
  std::map<uint32_t, host::Buffer> buffers_;
};

}  // namespace weft::runtime
