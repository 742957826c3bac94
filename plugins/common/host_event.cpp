// Events and their pool; see host_event.h.
#include "plugins/common/host_event.h"

#include <chrono>
#include <cstdio>

namespace weft::common {

using plugin::Failure;

void HostEvent::signal(weft_status result) {
  {
    const std::lock_guard lock(mutex_);
    if (done_) throw Failure(WEFT_E_INVALID, "the event has been signalled already");
  }
  complete(result, "signalled with an error by the host");
}

void HostEvent::complete(weft_status result, const char* message) {
  std::vector<Callback> callbacks;
  {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    done_ = true;
    status_ = result;
    if (result < 0) std::snprintf(message_, sizeof message_, "%s", message);
    callbacks.swap(callbacks_);
    owners_++;  // stays alive through the callbacks
    changed_.notify_all();
  }
  for (const auto& [fn, arg] : callbacks) fn(arg, result);
  release();
}

weft_status HostEvent::wait(uint64_t timeout_ns, weft_error* error) {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return done_; };
  constexpr uint64_t kForever = uint64_t{1} << 60;
  if (timeout_ns >= kForever) {
    changed_.wait(lock, done);
  } else if (!done_ && (timeout_ns == 0 ||
                        !changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), done))) {
    return WEFT_PENDING;
  }
  return status_ < 0 ? plugin::report(error, status_, message_) : WEFT_OK;
}

weft_status HostEvent::result() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_; });
  return status_;
}

bool HostEvent::is_done() {
  const std::lock_guard lock(mutex_);
  return done_;
}

void HostEvent::on_done(void(WEFT_CALL* fn)(void*, weft_status), void* arg) {
  {
    const std::lock_guard lock(mutex_);
    if (!done_) {
      callbacks_.emplace_back(fn, arg);
      return;
    }
  }
  fn(arg, status_);
}

void HostEvent::retain() {
  const std::lock_guard lock(mutex_);
  owners_++;
}

void HostEvent::release() {
  {
    const std::lock_guard lock(mutex_);
    if (--owners_ > 0) return;
  }
  pool_->put(this);
}

HostEvent* EventPool::take(uint32_t owners) {
  HostEvent* event = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      all_.push_back(std::make_unique<HostEvent>());
      free_.reserve(all_.size());
      all_.back()->pool_ = this;
      event = all_.back().get();
    } else {
      event = free_.back();
      free_.pop_back();
    }
  }
  event->owners_ = owners;
  event->done_ = false;
  event->status_ = WEFT_OK;
  event->callbacks_.clear();
  return event;
}

void EventPool::put(HostEvent* event) {
  const std::lock_guard lock(mutex_);
  free_.push_back(event);
}

}  // namespace weft::common
