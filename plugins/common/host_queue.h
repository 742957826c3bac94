// An in-order queue that runs on the caller's thread.
//
// execute() and copy() run at once and return a completed event, unless something they wait for is
// still pending: then the work is kept, the call returns a pending event, and the thread that
// completes what was waited for runs the kept work, in order. So no thread of the plugin's own is
// needed, and a queue never deadlocks on an event its own caller signals later.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "plugins/common/host_event.h"
#include "weft/plugin.hpp"

namespace weft::common {

class HostQueue final : public plugin::Queue {
 public:
  explicit HostQueue(EventPool& events);
  ~HostQueue() override;
  void flush() override {}
  plugin::Event* copy(const weft_view& src, const weft_view& dst, weft_event* const* waits,
                      uint32_t wait_count) override;
  plugin::Event* execute(const weft_execute_args& args) override;
  void wait_idle();

 private:
  struct Work;   // a copy or an execute with everything it borrowed copied
  struct State;  // outlives the queue while a callback of a pending event refers to it
  plugin::Event* submit(std::unique_ptr<Work> work);
  static void drain(const std::shared_ptr<State>& state);

  EventPool& events_;
  std::shared_ptr<State> state_;
};

}  // namespace weft::common
