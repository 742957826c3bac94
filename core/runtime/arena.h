// The memory of one domain's activations, with what programs want for themselves behind it.
//
//   [ values, as the plans place them | scratch ]
//
// Under a max plan it is made once. Under an elastic plan it starts small and is replaced by a
// larger one when a run wants more: what it held is gone then, which between two runs is nothing.
// It never shrinks.
// Threads: those of the session.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "core/base/result.h"
#include "core/runtime/memory.h"

namespace weft::runtime {

class Arena {
 public:
  // `devices` (by index) share the arena; `shared` says that it is host memory they all import.
  static Result<Arena> create(int64_t values_bytes, int64_t scratch_bytes, bool shared,
                              std::map<uint32_t, host::DevicePtr> devices);

  // Makes room for `values_bytes` of values. No device may be at work on the arena. When it fails
  // the arena is as it was.
  Status reserve(int64_t values_bytes);

  Region& region() const { return *region_; }
  int64_t values_bytes() const { return values_bytes_; }
  int64_t size_bytes() const { return values_bytes_ + scratch_bytes_; }
  // Where scratch begins.
  uint64_t scratch_offset() const { return uint64_t(values_bytes_); }
  // How often the region was replaced: whoever keeps its buffers looks at this first.
  uint64_t growths() const { return growths_; }

 private:
  Arena() = default;
  std::unique_ptr<Region> region_;
  std::map<uint32_t, host::DevicePtr> devices_;
  bool shared_ = false;
  int64_t values_bytes_ = 0, scratch_bytes_ = 0;
  uint64_t growths_ = 0;
};

}  // namespace weft::runtime
