// Work of an in-order queue that has to wait for events of elsewhere.
//
// Work starts in the order in which it was added, each when what it waits for is done. Whoever adds
// work or completes an event starts what has become ready, one thread at a time: there is no thread
// for it, and a queue never deadlocks on an event that its own caller signals later.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "plugins/common/host_event.h"

namespace weft::common {

using Waits = std::span<weft_event* const>;

// The first of the events that is done and has failed, or nullptr.
HostEvent* poisoned(Waits waits);

// Held by a shared_ptr, because callbacks of pending events refer to it. [any thread]
class Backlog : public std::enable_shared_from_this<Backlog> {
 public:
  // Called once; `poison` is a failed event among those waited for, or nullptr. Must not throw.
  using Start = std::function<void(HostEvent* poison)>;
  // Whether work may start although it waits for this event.
  using Satisfied = std::function<bool(HostEvent*)>;

  explicit Backlog(Satisfied satisfied) : satisfied_(std::move(satisfied)) {}
  // Retains `waits` until the work has started.
  void add(Waits waits, Start start);
  // Whether work with these waits would start at once.
  bool is_ready(Waits waits);
  // Blocks until all work has started.
  void wait_idle();

 private:
  struct Work {
    std::vector<weft_event*> waits;
    Start start;
  };
  // An event that holds the work back, or nullptr.
  HostEvent* pending(Waits waits) const;
  void drain();

  const Satisfied satisfied_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::deque<Work> kept_;
  bool draining_ = false;  // a thread is inside drain()
};

}  // namespace weft::common
