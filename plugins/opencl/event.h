// Events of the ABI over cl_event.
//
//   command   the end of some commands of a queue
//   host      a user event, which the host signals
//   settled   an error that was found before anything was enqueued
//
// OpenCL tells a waiter that something it waited for failed, not with what, and PoCL 3.1 calls no
// callback for a failed event. So errors travel here: an event knows its causes (what its commands
// wait for) and its dependents, and an error passes from one to the other as it is.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "plugins/opencl/cl_handle.h"

namespace weft::opencl {

class EventState;
using EventRef = std::shared_ptr<EventState>;

class EventState : public std::enable_shared_from_this<EventState> {
 public:
  using DoneFn = void(WEFT_CALL*)(void*, weft_status);

  static EventRef command(ClEventRef end, std::vector<EventRef> causes);
  static EventRef host(cl_context context);
  static EventRef settled(weft_status status, std::string message);

  // WEFT_PENDING, WEFT_OK, or the error it is poisoned with.
  weft_status status();
  // As status(), after at most `timeout_ns`.
  weft_status wait(uint64_t timeout_ns);
  std::string message();
  // Throws WEFT_E_INVALID when it has been signalled, or is not the host's to signal.
  void signal(weft_status result);
  // Poisons a host event that nobody can signal any more, so that nothing waits for ever.
  void abandon();
  void on_done(DoneFn fn, void* arg);
  // What commands wait for; null when settled.
  cl_event handle() const { return event_.get(); }

 private:
  // Ends the event, once; calls back, and passes an error on.
  void complete(weft_status result, const std::string& message);
  // Completes a command that ended with this code. A cause that failed counts even where the driver
  // ran the command all the same.
  void resolve(cl_int code);
  void watch();

  ClEventRef event_;
  bool is_host_ = false;
  std::atomic<bool> signalled_{false};
  std::atomic<weft_status> result_{WEFT_PENDING};
  std::mutex mutex_;  // guards what follows
  bool watched_ = false;
  std::vector<EventRef> causes_;
  std::vector<std::weak_ptr<EventState>> dependents_;
  std::vector<std::pair<DoneFn, void*>> callbacks_;
  std::string message_;
};

// The handle the ABI sees: one owner, which is whoever calls destroy().
class DeviceEvent final : public plugin::Event {
 public:
  explicit DeviceEvent(EventRef event) : state(std::move(event)) {}
  void signal(weft_status result) override { state->signal(result); }
  weft_status wait(uint64_t timeout_ns, weft_error* error) override;
  void on_done(EventState::DoneFn fn, void* arg) override { state->on_done(fn, arg); }
  void destroy() override;

  const EventRef state;
};

}  // namespace weft::opencl
