// Hints about how much a device is wished, where its driver takes them.
//
//   cl_khr_priority_hints, cl_khr_throttle_hints   properties of a queue
//   cl_qcom_priority_hint, cl_qcom_perf_hint       properties of the context: full clocks, low turn
//
// A driver that lists no such extension refuses the property itself (PoCL does), so it is not given
// one. Source: Transformer-Lite's execution priority, spec A2.1; the extensions' texts.
#pragma once

#include <vector>

#include "plugins/opencl/cl_handle.h"
#include "plugins/opencl/facts.h"

namespace weft::opencl {

// Which hints a device takes; what `extensions` does not list it does not.
struct PriorityHints {
  bool queue_priority = false;  // three levels
  bool queue_throttle = false;
  bool context_priority = false;
};
PriorityHints priority_hints(const DeviceFacts& facts);

// A queue of `priority` -1, 0 or 1, in order.
std::vector<cl_ulong> queue_properties(const PriorityHints& hints, int32_t priority,
                                       bool timestamps);
ClQueue make_queue(cl_context context, const DeviceFacts& facts, int32_t priority, bool timestamps);
// Appends what says `priority` to a context.
void add_context_hints(const PriorityHints& hints, int32_t priority,
                       std::vector<cl_context_properties>& to);

}  // namespace weft::opencl
