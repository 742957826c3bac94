#include "tools/weft/machine_load.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace weft::cli {

std::optional<ProcessorTicks> parse_processor_ticks(std::string_view stat) {
  // cpu  user nice system idle iowait irq softirq steal guest guest_nice; the guests' ticks are in
  // user and nice already.
  constexpr int kFields = 8, kIdle = 3, kWaiting = 4;
  ProcessorTicks ticks;
  bool found = false;
  std::istringstream lines{std::string(stat)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("cpu")) continue;
    if (!line.starts_with("cpu ")) {
      ++ticks.processors;
      continue;
    }
    std::istringstream fields(line.substr(4));
    double value = 0;
    int field = 0;
    for (; field < kFields && fields >> value; ++field) {
      if (field != kIdle && field != kWaiting) ticks.busy += value;
    }
    found = field > kWaiting;
  }
  if (!found || ticks.processors == 0) return std::nullopt;
  return ticks;
}

MachineLoad::Moment MachineLoad::now() {
  Moment moment;
  std::ifstream file("/proc/stat");
  std::ostringstream text;
  text << file.rdbuf();
  moment.ticks = parse_processor_ticks(text.str());
  timespec own{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  moment.own_seconds = double(own.tv_sec) + double(own.tv_nsec) * 1e-9;
  moment.time = std::chrono::steady_clock::now();
  return moment;
}

void MachineLoad::start() { start_ = now(); }

void MachineLoad::stop() {
  const Moment end = now();
  if (!start_.ticks || !end.ticks) {
    known_ = false;
    return;
  }
  const double busy = (end.ticks->busy - start_.ticks->busy) / double(sysconf(_SC_CLK_TCK));
  const double seconds = std::chrono::duration<double>(end.time - start_.time).count();
  others_seconds_ += busy - (end.own_seconds - start_.own_seconds);
  capacity_seconds_ += seconds * end.ticks->processors;
}

std::optional<double> MachineLoad::others_percent() const {
  if (!known_ || capacity_seconds_ <= 0) return std::nullopt;
  return std::clamp(100 * others_seconds_ / capacity_seconds_, 0.0, 100.0);
}

}  // namespace weft::cli
