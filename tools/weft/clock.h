// Wall-clock times in milliseconds.
#pragma once

#include <chrono>

namespace weft::cli {

using Clock = std::chrono::steady_clock;

inline double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// Since the process started.
double since_start_ms();

}  // namespace weft::cli
