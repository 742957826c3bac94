// Completion, poisoning and callbacks; see event.h.
#include "plugins/opencl/event.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace weft::opencl {

EventRef EventState::command(ClEventRef end, std::vector<EventRef> causes) {
  auto event = std::make_shared<EventState>();
  event->event_ = std::move(end);
  event->causes_ = causes;
  for (const EventRef& cause : causes) {
    const std::lock_guard lock(cause->mutex_);
    if (cause->result_ == WEFT_PENDING) cause->dependents_.push_back(event);
  }
  // One that failed before it knew of this event has told nobody.
  for (const EventRef& cause : causes)
    if (const weft_status status = cause->status(); status < 0)
      event->complete(status, cause->message());
  return event;
}

EventRef EventState::host(cl_context context) {
  cl_int code = CL_SUCCESS;
  auto event = std::make_shared<EventState>();
  event->event_ = ClEventRef(clCreateUserEvent(context, &code));
  check(code, "clCreateUserEvent");
  event->is_host_ = true;
  return event;
}

EventRef EventState::settled(weft_status status, std::string message) {
  auto event = std::make_shared<EventState>();
  event->message_ = std::move(message);
  event->result_ = status;
  return event;
}

void EventState::complete(weft_status result, const std::string& message) {
  std::vector<EventRef> causes;
  std::vector<std::weak_ptr<EventState>> dependents;
  std::vector<std::pair<DoneFn, void*>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    if (result_ != WEFT_PENDING) return;
    message_ = message;
    result_ = result;
    causes.swap(causes_);
    dependents.swap(dependents_);
    callbacks.swap(callbacks_);
  }
  for (const auto& [fn, arg] : callbacks) fn(arg, result);
  if (result >= 0) return;
  for (const auto& weak : dependents)
    if (const EventRef dependent = weak.lock()) dependent->complete(result, message);
}

void EventState::resolve(cl_int code) {
  std::vector<EventRef> causes;
  {
    const std::lock_guard lock(mutex_);
    causes = causes_;
  }
  for (const EventRef& cause : causes)
    if (const weft_status status = cause->status(); status < 0)
      return complete(status, cause->message());
  if (code < 0)
    return complete(status_of(code), "a command failed on the device: " + error_name(code));
  complete(WEFT_OK, "");
}

weft_status EventState::status() {
  if (const weft_status known = result_; known != WEFT_PENDING || is_host_) return known;
  cl_int state = CL_COMPLETE;
  const cl_int code = clGetEventInfo(event_.get(), CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state,
                                     &state, nullptr);
  if (code != CL_SUCCESS) state = code;
  if (state <= CL_COMPLETE) resolve(state);
  return result_;
}

weft_status EventState::wait(uint64_t timeout_ns) {
  using Clock = std::chrono::steady_clock;
  const bool forever = timeout_ns >= uint64_t{1} << 60;
  if (forever && event_) {
    // The result is asked for below; a failed event is an error of this call too.
    const cl_event event = event_.get();
    (void)clWaitForEvents(1, &event);
  }
  const auto end = Clock::now() + std::chrono::nanoseconds(forever ? 0 : timeout_ns);
  auto pause = std::chrono::microseconds(20);
  while (true) {
    const weft_status now = status();
    if (now != WEFT_PENDING || (!forever && Clock::now() >= end)) return now;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(1000));
  }
}

std::string EventState::message() {
  const std::lock_guard lock(mutex_);
  return message_;
}

void EventState::signal(weft_status result) {
  if (!is_host_) throw Failure(WEFT_E_INVALID, "only an event of event_create can be signalled");
  if (signalled_.exchange(true))
    throw Failure(WEFT_E_INVALID, "the event has been signalled already");
  check(clSetUserEventStatus(event_.get(), result < 0 ? -1 : CL_COMPLETE), "clSetUserEventStatus");
  complete(std::min(result, WEFT_OK), result < 0 ? "signalled with an error by the host" : "");
}

void EventState::abandon() {
  if (!is_host_ || signalled_.exchange(true)) return;
  (void)clSetUserEventStatus(event_.get(), -1);
  complete(WEFT_E_CANCELLED, "the event was destroyed before it was signalled");
}

// Asks the driver to say when the command ends; what it says is only that.
void EventState::watch() {
  auto keep = std::make_unique<EventRef>(shared_from_this());
  check(clSetEventCallback(
            event_.get(), CL_COMPLETE,
            [](cl_event, cl_int code, void* context) {
              const std::unique_ptr<EventRef> mine(static_cast<EventRef*>(context));
              (*mine)->resolve(code);
            },
            keep.get()),
        "clSetEventCallback");
  (void)keep.release();
}

void EventState::on_done(DoneFn fn, void* arg) {
  bool must_watch = false;
  if (status() == WEFT_PENDING) {
    const std::lock_guard lock(mutex_);
    if (result_ == WEFT_PENDING) {
      callbacks_.emplace_back(fn, arg);
      must_watch = !is_host_ && !watched_;
      watched_ = watched_ || must_watch;
      fn = nullptr;
    }
  }
  if (fn) fn(arg, result_);
  if (must_watch) watch();
}

weft_status DeviceEvent::wait(uint64_t timeout_ns, weft_error* error) {
  const weft_status result = state->wait(timeout_ns);
  return result < 0 ? plugin::report(error, result, state->message().c_str()) : result;
}

void DeviceEvent::destroy() {
  state->abandon();
  delete this;
}

}  // namespace weft::opencl
