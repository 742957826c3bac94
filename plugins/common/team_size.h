// How many threads the runs of a program use while neighbours hold some of the processors.
//
// A team is as fast as its slowest thread, so one thread that the operating system keeps waiting
// holds up all. A run whose caller slept through much of its time goes on with one thread less, and
// so do the runs after it; now and then one of them tries the larger team again, the more rarely
// the more often that fails.
#pragma once

#include <cstdint>

namespace weft::common {

class TeamSize {
 public:
  // Threads for a run that begins at `now` and could use `want`.
  uint32_t begin(uint32_t want, uint64_t now_ns);
  // Between two steps: the threads to go on with, `size` or one less. `slept_ns` is how long the
  // caller of the run has slept at barriers since `begin_ns`.
  uint32_t between(uint32_t size, uint64_t slept_ns, uint64_t begin_ns, uint64_t now_ns);
  // The run is over, with as many threads as between() said last.
  void end();

 private:
  uint32_t limit_ = UINT32_MAX;
  bool is_trial_ = false;
  uint64_t next_trial_ns_ = 0;
  uint64_t patience_ns_ = 0;  // from a trial that fails to the next
};

}  // namespace weft::common
