// What a device says it can take, checked before the driver is asked.
//
// Software drivers accept what no GPU would (too large buffers, misaligned host pointers), so a
// violation that only the driver could report would first be seen by a user. The checks are plain
// functions of queried numbers, testable without a device.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plugins/common/row.h"
#include "weft/plugin.hpp"

namespace weft::opencl {

struct Limits {
  uint64_t allocation_bytes = 0;  // of one buffer
  uint64_t alignment_bytes = 1;   // of a host pointer that is used in place
  uint64_t local_bytes = 0;       // of one work-group
  size_t work_group = 1;          // work-items
};

// Throws WEFT_E_OUT_OF_MEMORY when one buffer cannot be as large.
void check_allocation(const Limits& limits, uint64_t size);
// Throws WEFT_E_UNSUPPORTED when the device could not use [pointer, pointer + size) in place.
void check_import(const Limits& limits, const void* pointer, uint64_t size);
// Throws WEFT_E_UNSUPPORTED when a work-group of `items` with `local_bytes` of local memory is too
// much.
void check_work_group(const Limits& limits, size_t items, uint64_t local_bytes);

// Bytes of a value at the largest bounds of its slots; UINT64_MAX when that is unbounded.
uint64_t most_bytes(const plugin::GraphView& graph, const weft_value& value);
// Throws a Refusal when value `index` of the graph cannot be one buffer.
void check_tensor(const Limits& limits, const plugin::NodeView& node, uint32_t index);
// The same of all tensors of the node.
void check_tensors(const Limits& limits, const plugin::NodeView& node);

}  // namespace weft::opencl
