// A team of host threads that walk a program together, and the barrier between its steps.
//
// The barrier spins first (a step of decoding lasts microseconds), and sleeps after a bound, so
// that a neighbour who holds the processor delays the team instead of being fought by it.
#pragma once

#include <atomic>
#include <cstdint>

#include "plugins/common/operand.h"
#include "weft/plugin.h"

namespace weft::common {

// Sense-reversing barrier for `size` threads; reusable, no heap.
struct Barrier {
  alignas(64) std::atomic<uint32_t> arrived{0};
  alignas(64) std::atomic<uint32_t> phase{0};
  alignas(64) std::atomic<uint32_t> sleepers{0};

  // Nanoseconds slept, 0 when spinning was enough.
  uint64_t wait(uint32_t size);
};

// [begin, end) of `count` items for thread `id` of `size`: contiguous, sizes differ by at most one.
struct Range {
  int64_t begin, end;
};
inline Range share(int64_t count, uint32_t id, uint32_t size) {
  return {count * id / size, count * (id + 1) / size};
}

// Runs fn(arg, id) on a team of the host's threads and returns its size; alone, as {0 of 1}, where
// the host has no team to give. `size` is written before fn starts.
void run_team(const weft_host& host, uint32_t want, uint32_t& size,
              void(WEFT_CALL* fn)(void*, uint32_t), void* arg);

}  // namespace weft::common
