// Starting work in order as events complete; see backlog.h.
#include "plugins/common/backlog.h"

namespace weft::common {

HostEvent* poisoned(Waits waits) {
  for (weft_event* wait : waits)
    if (event_of(wait)->is_done() && event_of(wait)->result() < 0) return event_of(wait);
  return nullptr;
}

HostEvent* Backlog::pending(Waits waits) const {
  for (weft_event* wait : waits)
    if (!satisfied_(event_of(wait))) return event_of(wait);
  return nullptr;
}

bool Backlog::is_ready(Waits waits) {
  if (pending(waits)) return false;
  const std::lock_guard lock(mutex_);
  return kept_.empty() && !draining_;
}

void Backlog::add(Waits waits, Start start) {
  for (weft_event* wait : waits) event_of(wait)->retain();
  {
    const std::lock_guard lock(mutex_);
    kept_.push_back({{waits.begin(), waits.end()}, std::move(start)});
  }
  drain();
}

void Backlog::drain() {
  std::unique_lock lock(mutex_);
  if (draining_) return;
  draining_ = true;
  while (!kept_.empty()) {
    if (HostEvent* wait = pending(kept_.front().waits)) {
      draining_ = false;
      lock.unlock();
      // The callback owns a reference of its own; it may run at once, inside on_done.
      wait->on_done(
          [](void* arg, weft_status) {
            const std::unique_ptr<std::shared_ptr<Backlog>> own(
                static_cast<std::shared_ptr<Backlog>*>(arg));
            (*own)->drain();
          },
          new std::shared_ptr<Backlog>(shared_from_this()));
      return;
    }
    const Work work = std::move(kept_.front());
    kept_.pop_front();
    lock.unlock();
    work.start(poisoned(work.waits));
    for (weft_event* wait : work.waits) event_of(wait)->release();
    lock.lock();
  }
  draining_ = false;
  idle_.notify_all();
}

void Backlog::wait_idle() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return kept_.empty() && !draining_; });
}

}  // namespace weft::common
