// An in-order queue that runs on the caller's thread.
//
// execute() and copy() run at once and return a completed event, unless something they wait for is
// still pending: then the work is kept (backlog.h), the call returns a pending event, and the
// thread that completes what was waited for runs the kept work, in order.
#pragma once

#include <functional>
#include <memory>

#include "plugins/common/backlog.h"
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

 private:
  // Runs `body` once the waits are done. It must own what it refers to.
  plugin::Event* keep(Waits waits, std::function<void()> body);

  EventPool& events_;
  std::shared_ptr<Backlog> backlog_;
};

}  // namespace weft::common
