// Properties of contexts and queues; see priority.h.
#include "plugins/opencl/priority.h"

namespace weft::opencl {

namespace {

constexpr cl_ulong kQueuePriority = 0x1096, kQueueThrottle = 0x1097;
// Of both: 1 high, 2 medium, 4 low.
constexpr cl_ulong kHigh = 1, kMedium = 2, kLow = 4;
constexpr cl_context_properties kPerformance = 0x40C2, kPerformanceHigh = 0x40C3;
constexpr cl_context_properties kContextPriority = 0x40C9, kContextHigh = 0x40CA,
                                kContextLow = 0x40CC;

cl_ulong level(int32_t priority) { return priority < 0 ? kLow : priority > 0 ? kHigh : kMedium; }

}  // namespace

PriorityHints priority_hints(const DeviceFacts& facts) {
  PriorityHints hints;
  // Queues with properties came with OpenCL 2.0.
  hints.queue_priority = facts.version >= 20 && facts.has("cl_khr_priority_hints");
  hints.queue_throttle = facts.version >= 20 && facts.has("cl_khr_throttle_hints");
  hints.context_priority = facts.has("cl_qcom_priority_hint") && facts.has("cl_qcom_perf_hint");
  return hints;
}

std::vector<cl_ulong> queue_properties(const PriorityHints& hints, int32_t priority,
                                       bool timestamps) {
  std::vector<cl_ulong> out;
  if (timestamps) out.insert(out.end(), {CL_QUEUE_PROPERTIES, CL_QUEUE_PROFILING_ENABLE});
  if (priority != 0 && hints.queue_priority)
    out.insert(out.end(), {kQueuePriority, level(priority)});
  // The clocks may stay low for work that nobody waits for.
  if (priority < 0 && hints.queue_throttle) out.insert(out.end(), {kQueueThrottle, kLow});
  out.push_back(0);
  return out;
}

ClQueue make_queue(cl_context context, const DeviceFacts& facts, int32_t priority,
                   bool timestamps) {
  const std::vector<cl_ulong> properties =
      queue_properties(priority_hints(facts), priority, timestamps);
  cl_int code = CL_SUCCESS;
  const bool has_hints = properties.size() > (timestamps ? 3u : 1u);
  ClQueue queue(
      has_hints ? clCreateCommandQueueWithProperties(context, facts.id, properties.data(), &code)
                : clCreateCommandQueue(context, facts.id,
                                       timestamps ? CL_QUEUE_PROFILING_ENABLE : 0, &code));
  check(code, "clCreateCommandQueue");
  return queue;
}

void add_context_hints(const PriorityHints& hints, int32_t priority,
                       std::vector<cl_context_properties>& to) {
  if (priority == 0 || !hints.context_priority) return;
  to.insert(to.end(), {kPerformance, kPerformanceHigh, kContextPriority,
                       priority < 0 ? kContextLow : kContextHigh});
}

}  // namespace weft::opencl
