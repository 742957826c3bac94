// The commands of one execute or copy, on an in-order queue.
//
// Every command names what the work waits for: what an in-order queue does after a failed command
// is not laid down. The end of the last command is the end of the work.
//
// A throttled queue takes kernels in pieces and makes the host wait (throttle.h). A profiled
// submission keeps every command's event and reports them when they are done.
#pragma once

#include <string>
#include <vector>

#include "plugins/opencl/event.h"
#include "plugins/opencl/limits.h"
#include "plugins/opencl/throttle.h"

namespace weft::opencl {

class Submission {
 public:
  // `throttle` and `profile` may be null.
  Submission(cl_command_queue queue, const Limits& limits, Counters& counters,
             std::vector<EventRef> causes, Throttle* throttle, const weft_prof_sink* profile);

  // Node of the commands that follow, for the profile.
  void at_node(uint32_t node, const char* label) { node_ = node, label_ = label; }
  // Nothing is enqueued when a global size is 0.
  void launch(const Kernel& kernel, const Grid& grid);
  void copy(cl_mem from, uint64_t from_offset, cl_mem to, uint64_t to_offset, uint64_t size);
  // Flushes the queue; the event of the last command.
  EventRef finish();
  // The profiled commands, after finish(): waits for them. `shift_ns` makes host times of device
  // times.
  void report(int64_t shift_ns);
  // Waits for what was enqueued; for the way out after an error.
  void drain() noexcept { clFinish(queue_); }

 private:
  struct Record {
    ClEventRef event;
    uint32_t node;
    std::string label;
    uint32_t kind;
  };
  void check_grid(const Kernel& kernel, const Grid& grid) const;
  ClEventRef enqueue(const Kernel& kernel, const size_t* offset, const size_t* size,
                     const size_t* group);
  void keep(cl_event event, const char* label, uint32_t kind);

  cl_command_queue queue_;
  const Limits& limits_;
  Counters& counters_;
  std::vector<EventRef> causes_;
  std::vector<cl_event> waits_;
  Throttle* throttle_;
  const weft_prof_sink* profile_;
  uint32_t node_ = WEFT_NONE;
  const char* label_ = "";
  ClEventRef last_;
  std::vector<Record> records_;
};

}  // namespace weft::opencl
