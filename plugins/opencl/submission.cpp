// Enqueueing with explicit sizes, and reading timestamps; see submission.h.
#include "plugins/opencl/submission.h"

#include "plugins/common/clock.h"

namespace weft::opencl {

Submission::Submission(cl_command_queue queue, const Limits& limits, Counters& counters,
                       std::vector<EventRef> causes, Throttle* throttle,
                       const weft_prof_sink* profile)
    : queue_(queue),
      limits_(limits),
      counters_(counters),
      causes_(std::move(causes)),
      throttle_(throttle),
      profile_(profile) {
  for (const EventRef& cause : causes_) waits_.push_back(cause->handle());
}

void Submission::keep(cl_event event, const char* label, uint32_t kind) {
  last_ = ClEventRef(event);
  if (profile_) records_.push_back({last_, node_, label, kind});
}

void Submission::check_grid(const Kernel& kernel, const Grid& grid) const {
  const size_t items = grid.local[0] * grid.local[1] * grid.local[2];
  check_work_group(limits_, items, kernel.local_bytes());
  if (items > kernel.largest_group())
    throw Failure(
        WEFT_E_UNSUPPORTED,
        text("kernel %s runs in work-groups of at most %zu on this device, %zu are needed",
             kernel.name().c_str(), kernel.largest_group(), items));
}

ClEventRef Submission::enqueue(const Kernel& kernel, const size_t* offset, const size_t* size,
                               const size_t* group) {
  const uint64_t begin = common::now_ns();
  cl_event event = nullptr;
  const cl_int code = clEnqueueNDRangeKernel(queue_, kernel.handle(), 3, offset, size, group,
                                             cl_uint(waits_.size()),
                                             waits_.empty() ? nullptr : waits_.data(), &event);
  if (code != CL_SUCCESS)
    throw Failure(status_of(code), "kernel " + kernel.name() + ": " + words_of(code));
  counters_.kernels++;
  counters_.enqueue_ns += common::now_ns() - begin;
  keep(event, *label_ ? label_ : kernel.name().c_str(), 1);
  return last_;
}

void Submission::launch(const Kernel& kernel, const Grid& grid) {
  check_grid(kernel, grid);
  Grid whole = grid;
  for (int d = 0; d < 3; d++) {
    if (grid.global[d] == 0) return;
    whole.global[d] = (grid.global[d] + grid.local[d] - 1) / grid.local[d] * grid.local[d];
  }
  if (!throttle_) {
    enqueue(kernel, nullptr, whole.global, whole.local);
    return;
  }
  throttle_->launch(kernel, whole, [&](const size_t(&offset)[3], const size_t(&size)[3]) {
    return enqueue(kernel, offset, size, whole.local);
  });
}

void Submission::copy(cl_mem from, uint64_t from_offset, cl_mem to, uint64_t to_offset,
                      uint64_t size) {
  if (size == 0) return;
  cl_event event = nullptr;
  check(clEnqueueCopyBuffer(queue_, from, to, from_offset, to_offset, size, cl_uint(waits_.size()),
                            waits_.empty() ? nullptr : waits_.data(), &event),
        "clEnqueueCopyBuffer");
  keep(event, "copy", 2);
}

EventRef Submission::finish() {
  if (!last_) {
    cl_event event = nullptr;
    check(clEnqueueMarkerWithWaitList(queue_, cl_uint(waits_.size()),
                                      waits_.empty() ? nullptr : waits_.data(), &event),
          "clEnqueueMarkerWithWaitList");
    last_ = ClEventRef(event);
  }
  check(clFlush(queue_), "clFlush");
  return EventState::command(last_, causes_);
}

void Submission::report(int64_t shift_ns) {
  if (!profile_ || records_.empty()) return;
  check(clFinish(queue_), "clFinish");
  uint64_t first = UINT64_MAX, last = 0;
  for (const Record& record : records_) {
    cl_ulong begin = 0, end = 0;
    if (clGetEventProfilingInfo(record.event.get(), CL_PROFILING_COMMAND_START, sizeof begin,
                                &begin, nullptr) != CL_SUCCESS ||
        clGetEventProfilingInfo(record.event.get(), CL_PROFILING_COMMAND_END, sizeof end, &end,
                                nullptr) != CL_SUCCESS)
      continue;
    const weft_prof_record out = {record.label.c_str(), record.node, record.kind,
                                  uint64_t(int64_t(begin) + shift_ns),
                                  uint64_t(int64_t(end) + shift_ns)};
    first = std::min(first, out.begin_ns);
    last = std::max(last, out.end_ns);
    if (profile_->level >= 2) profile_->record(profile_->ctx, &out);
  }
  if (profile_->level == 1 && first <= last) {
    const weft_prof_record out = {"program", WEFT_NONE, 1, first, last};
    profile_->record(profile_->ctx, &out);
  }
}

}  // namespace weft::opencl
