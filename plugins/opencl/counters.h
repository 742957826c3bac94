// What an open device has done, to be told when it is closed (option report=1).
#pragma once

#include <atomic>
#include <cstdint>

namespace weft::opencl {

struct Counters {
  std::atomic<uint64_t> programs{0};        // built, from source or from a binary
  std::atomic<uint64_t> programs_late{0};   // of those, after the first run
  std::atomic<uint64_t> memories{0};        // buffers made
  std::atomic<uint64_t> kernels{0};         // enqueued; a kernel in pieces is as many
  std::atomic<uint64_t> enqueue_ns{0};      // time that took the host
  std::atomic<uint64_t> runs{0};            // of islands
  std::atomic<uint64_t> arguments_set{0};   // told to the driver
  std::atomic<uint64_t> arguments_kept{0};  // unchanged, not told again
  std::atomic<uint64_t> pieces{0};          // of kernels that were taken apart
  std::atomic<uint64_t> pauses{0};          // waits of a throttled queue
  std::atomic<uint64_t> tunings{0};         // questions that were measured (tuner.h)
};

}  // namespace weft::opencl
