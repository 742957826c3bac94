// The commands of one execute or copy, on an in-order queue.
//
// Every command names what the work waits for: what an in-order queue does after a failed command
// is not laid down. The end of the last command is the end of the work.
//
// A profiled submission keeps every command's event and reports them when they are done.
#pragma once

#include <string>
#include <vector>

#include "plugins/opencl/cl_handle.h"
#include "plugins/opencl/event.h"
#include "plugins/opencl/limits.h"
#include "plugins/opencl/tensor.h"

namespace weft::opencl {

// Work-items in all and per group; global sizes are rounded up to whole groups, and kernels guard
// their tails.
struct Grid {
  size_t global[3] = {1, 1, 1};
  size_t local[3] = {1, 1, 1};
};

// A kernel object with its name. One at a time sets arguments and enqueues.
class Kernel {
 public:
  Kernel(ClKernel handle, std::string name, cl_device_id device);

  // Sets all arguments, in order: a Tensor is its memory and its offset in elements.
  template <typename... Arguments>
  void arguments(const Arguments&... list) const {
    cl_uint at = 0;
    (set(at, list), ...);
  }
  cl_kernel handle() const { return handle_.get(); }
  const std::string& name() const { return name_; }
  size_t largest_group() const { return largest_group_; }
  uint64_t local_bytes() const { return local_bytes_; }

 private:
  void set(cl_uint& at, const void* value, size_t size) const;
  template <typename T>
  void set(cl_uint& at, const T& value) const {
    set(at, &value, sizeof value);
  }
  void set(cl_uint& at, const Tensor& tensor) const;

  ClKernel handle_;
  std::string name_;
  size_t largest_group_ = 0;
  uint64_t local_bytes_ = 0;
};

class Submission {
 public:
  Submission(cl_command_queue queue, const Limits& limits, std::vector<EventRef> causes,
             const weft_prof_sink* profile);

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
  void keep(cl_event event, const char* label, uint32_t kind);

  cl_command_queue queue_;
  const Limits& limits_;
  std::vector<EventRef> causes_;
  std::vector<cl_event> waits_;
  const weft_prof_sink* profile_;
  uint32_t node_ = WEFT_NONE;
  const char* label_ = "";
  ClEventRef last_;
  std::vector<Record> records_;
};

}  // namespace weft::opencl
