// How many threads the runs of a program use while neighbours hold some of the processors.
//
// A team is as fast as its slowest thread, so one thread that the operating system keeps waiting
// holds up all. A caller who has slept through much of the last milliseconds of its runs goes on
// with one thread less, in the middle of a run if need be, and so do the runs after it; now and
// then one of them tries the larger team again, the more rarely the more often that fails.
#pragma once

#include <cstdint>

namespace weft::common {

class TeamSize {
 public:
  // A run begins; threads for one that could use `want`.
  uint32_t begin(uint32_t want, uint64_t now_ns);
  // Between two steps of it: the threads to go on with, `size` or one less. `slept_ns` is how long
  // the caller of the run has slept at barriers since it began.
  uint32_t between(uint32_t size, uint64_t slept_ns, uint64_t now_ns);
  // The run is over.
  void end(uint64_t slept_ns, uint64_t now_ns);

 private:
  void open_window(uint64_t slept_ns, uint64_t now_ns);

  uint32_t limit_ = UINT32_MAX;
  bool is_trial_ = false;
  uint64_t next_trial_ns_ = 0;
  uint64_t patience_ns_ = 0;  // from a trial that fails to the next
  // What is looked at: time within runs and how much of it was slept, in earlier runs; and where in
  // the run at hand the rest begins.
  uint64_t busy_ns_ = 0, slept_ns_ = 0;
  uint64_t from_ns_ = 0, slept_before_ns_ = 0;
};

}  // namespace weft::common
