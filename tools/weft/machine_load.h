// How much of the machine other processes took while something was measured: a figure taken beside
// a busy neighbour says little, and only this tells the two apart.
//
// From /proc/stat (ticks of all processors since boot, user_hz of them a second) less the processor
// time of this process. Time that a hypervisor gave to other guests counts as the others'.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace weft::cli {

// What the processors of a machine did since it started.
struct ProcessorTicks {
  double busy = 0;     // ticks of work of any kind, interrupts and stolen time included
  int processors = 0;  // how many there are
};

// Reads the text of /proc/stat; nothing if it has no line of totals.
std::optional<ProcessorTicks> parse_processor_ticks(std::string_view stat);

// A span of time that may be interrupted: start() and stop() around what is measured, any number of
// times. One thread at a time.
class MachineLoad {
 public:
  void start();
  void stop();

  // The share of all processors that others took, 0 to 100; nothing where /proc does not say or no
  // time has passed. Ticks of 10 ms make it coarse for spans below a second.
  std::optional<double> others_percent() const;

 private:
  struct Moment {
    std::chrono::steady_clock::time_point time;
    double own_seconds = 0;
    std::optional<ProcessorTicks> ticks;
  };
  static Moment now();

  Moment start_;
  double others_seconds_ = 0, capacity_seconds_ = 0;
  bool known_ = true;
};

}  // namespace weft::cli
