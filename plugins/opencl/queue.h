// A queue of the ABI: one in-order command queue of OpenCL.
//
// Work that is refused before it is enqueued, or whose wait has failed already, returns an event
// that is poisoned from the start. A throttled queue (weft.throttle/1) takes timestamps and makes
// execute() wait. A profiled execute runs on a second queue that takes timestamps,
// and blocks; it is made when first asked for, since timestamps cost every command.
#pragma once

#include "plugins/opencl/context.h"
#include "plugins/opencl/submission.h"

namespace weft::opencl {

class DeviceQueue final : public plugin::Queue {
 public:
  DeviceQueue(Context& context, int32_t priority);
  ~DeviceQueue() override;
  void flush() override;
  // Bounds for what comes after; all zeros: none.
  void throttle(const weft_throttle& bounds);
  plugin::Event* copy(const weft_view& src, const weft_view& dst, weft_event* const* waits,
                      uint32_t wait_count) override;
  plugin::Event* execute(const weft_execute_args& args) override;

 private:
  // Enqueues what `fill(submission)` does after `waits`; its end, or what was wrong with it.
  template <typename Fill>
  plugin::Event* submit(weft_event* const* waits, uint32_t wait_count,
                        const weft_prof_sink* profile, Fill&& fill);
  void start_profiling();

  Context& context_;
  const int32_t priority_;
  ClQueue queue_, profiled_;
  std::unique_ptr<Throttle> throttle_;
  int64_t shift_ns_ = 0;  // host time minus device time
  std::unique_ptr<Kernel> copy_;
};

extern const weft_ext_throttle_1 kThrottle;

}  // namespace weft::opencl
