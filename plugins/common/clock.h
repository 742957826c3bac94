// The clock of profiles (weft_prof_record).
#pragma once

#include <cstdint>
#include <ctime>

namespace weft::common {

// Nanoseconds of CLOCK_MONOTONIC.
inline uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec);
}

}  // namespace weft::common
