#include "core/runtime/arena.h"

#include "core/plan/memory.h"

namespace weft::runtime {

namespace {

int64_t aligned(int64_t size) {
  return (size + plan::kAlignment - 1) / plan::kAlignment * plan::kAlignment;
}

}  // namespace

Result<Arena> Arena::create(int64_t values_bytes, int64_t scratch_bytes, bool shared,
                            std::map<uint32_t, host::DevicePtr> devices) {
  Arena arena;
  arena.devices_ = std::move(devices);
  arena.shared_ = shared;
  arena.values_bytes_ = aligned(values_bytes);
  arena.scratch_bytes_ = scratch_bytes;
  arena.region_ = TRY(Region::create(arena.size_bytes(), shared, arena.devices_, "activations"));
  return arena;
}

Status Arena::reserve(int64_t values_bytes) {
  if (values_bytes <= values_bytes_) return {};
  const int64_t wanted = aligned(values_bytes);
  region_ = TRY(Region::create(wanted + scratch_bytes_, shared_, devices_, "activations"));
  values_bytes_ = wanted;
  ++growths_;
  return {};
}

}  // namespace weft::runtime
