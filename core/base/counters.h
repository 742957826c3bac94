// Counters that prove claims: what the engine copies, what is allocated while a token is decoded,
// and which programs there are.
//
// heap_allocations moves only in programs that link tools/weft/count_allocations.cpp, which
// interposes malloc. Each counter has a test that forces the event and sees it move. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>

namespace weft {

struct Counters {
  std::atomic<uint64_t> bytes_copied{0};       // by the engine, outside kernels
  std::atomic<uint64_t> programs_compiled{0};  // by plugins, from blobs too
  std::atomic<uint64_t> programs_held{0};      // compiled and not destroyed
  std::atomic<uint64_t> program_bytes{0};      // of the constants of those
  std::atomic<uint64_t> heap_allocations{0};   // calls of malloc and its kin, by any code
  std::atomic<bool> counts_allocations{false};
};

inline Counters& counters() {
  static constinit Counters instance;
  return instance;
}

}  // namespace weft
