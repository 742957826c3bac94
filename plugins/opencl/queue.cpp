// Submitting work and its waits; see queue.h.
#include "plugins/opencl/queue.h"

#include "plugins/common/clock.h"
#include "plugins/opencl/program.h"
#include "plugins/opencl/view_copy.h"

namespace weft::opencl {

namespace {

plugin::Event* event_of(EventRef state) { return new DeviceEvent(std::move(state)); }

}  // namespace

DeviceQueue::DeviceQueue(Context& context, int32_t priority)
    : context_(context), priority_(priority), queue_(context.create_queue(priority, false)) {}

DeviceQueue::~DeviceQueue() {
  clFinish(queue_.get());
  if (profiled_) clFinish(profiled_.get());
}

void DeviceQueue::flush() { check(clFlush(queue_.get()), "clFlush"); }

void DeviceQueue::throttle(const weft_throttle& bounds) {
  check(clFinish(queue_.get()), "clFinish");
  const bool is_bound = bounds.in_flight_ns || bounds.kernel_ns;
  queue_ = context_.create_queue(priority_, is_bound);
  throttle_ = is_bound ? std::make_unique<Throttle>(bounds, context_.counters) : nullptr;
}

void DeviceQueue::start_profiling() {
  if (profiled_) return;
  profiled_ = context_.create_queue(priority_, true);
  cl_event event = nullptr;
  check(clEnqueueMarkerWithWaitList(profiled_.get(), 0, nullptr, &event),
        "clEnqueueMarkerWithWaitList");
  const ClEventRef marker(event);
  check(clWaitForEvents(1, &event), "clWaitForEvents");
  const auto host = int64_t(common::now_ns());
  cl_ulong device = 0;
  if (clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof device, &device, nullptr) ==
      CL_SUCCESS)
    shift_ns_ = host - int64_t(device);
}

template <typename Fill>
plugin::Event* DeviceQueue::submit(weft_event* const* waits, uint32_t wait_count,
                                   const weft_prof_sink* profile, Fill&& fill) {
  std::vector<EventRef> causes;
  for (uint32_t i = 0; i < wait_count; i++) {
    const EventRef& wait = static_cast<DeviceEvent*>(plugin::object(waits[i]))->state;
    const weft_status status = wait->status();
    if (status < 0) return event_of(EventState::settled(status, wait->message()));
    if (status == WEFT_PENDING) causes.push_back(wait);
  }
  if (profile) {
    start_profiling();
    check(clFinish(queue_.get()), "clFinish");  // the two queues keep one order
  }
  Submission commands(profile ? profiled_.get() : queue_.get(), context_.facts.limits,
                      context_.counters, std::move(causes), profile ? nullptr : throttle_.get(),
                      profile);
  weft_error error{};
  error.struct_size = sizeof error;
  const weft_status status = plugin::guarded(&error, [&] { fill(commands); });
  if (status < 0) {
    commands.drain();
    return event_of(EventState::settled(status, error.message));
  }
  EventRef done = commands.finish();
  if (profile) commands.report(shift_ns_);
  return event_of(std::move(done));
}

plugin::Event* DeviceQueue::execute(const weft_execute_args& args) {
  if (!args.program) throw Failure(WEFT_E_INVALID, "execute without a program");
  auto& program = static_cast<IslandProgram&>(*plugin::object(args.program));
  const weft_prof_sink* profile = args.profile && args.profile->level ? args.profile : nullptr;
  return submit(args.waits, args.wait_count, profile,
                [&](Submission& commands) { program.submit(args, commands); });
}

plugin::Event* DeviceQueue::copy(const weft_view& src, const weft_view& dst,
                                 weft_event* const* waits, uint32_t wait_count) {
  return submit(waits, wait_count, nullptr, [&](Submission& commands) {
    const Strided from = strided(src), to = strided(dst);
    common::check_same_shape(src, dst);
    copy_elements(context_, copy_, from, to, commands);
  });
}

// ------------------------------------------------------------------ weft.throttle/1
namespace {

weft_status WEFT_CALL set_throttle(weft_queue* queue, const weft_throttle* bounds,
                                   weft_error* error) {
  return plugin::guarded(error, [&] {
    if (!bounds) throw Failure(WEFT_E_INVALID, "a throttle without bounds");
    static_cast<DeviceQueue*>(plugin::object(queue))->throttle(plugin::read_struct(bounds));
  });
}

}  // namespace

const weft_ext_throttle_1 kThrottle = {set_throttle};

}  // namespace weft::opencl
