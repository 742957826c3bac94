// The checks of limits.h, and their sentences.
#include "plugins/opencl/limits.h"

namespace weft::opencl {

using common::Refusal;
using plugin::Failure;
using plugin::text;

namespace {

unsigned long long number(uint64_t n) { return static_cast<unsigned long long>(n); }

}  // namespace

void check_allocation(const Limits& limits, uint64_t size) {
  if (size > limits.allocation_bytes)
    throw Failure(WEFT_E_OUT_OF_MEMORY,
                  text("a buffer of %llu bytes was asked for, and this device gives at most %llu "
                       "in one; a smaller context or chunk needs less",
                       number(size), number(limits.allocation_bytes)));
}

void check_import(const Limits& limits, const void* pointer, uint64_t size) {
  check_allocation(limits, size);
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  if (address % limits.alignment_bytes)
    throw Failure(WEFT_E_UNSUPPORTED,
                  text("a host pointer must be aligned to %llu bytes to be used in place; this one "
                       "is %llu bytes past that",
                       number(limits.alignment_bytes), number(address % limits.alignment_bytes)));
}

void check_work_group(const Limits& limits, size_t items, uint64_t local_bytes) {
  if (items > limits.work_group)
    throw Failure(WEFT_E_UNSUPPORTED,
                  text("a kernel needs work-groups of %zu, this device has at most %zu; "
                       "WEFT_OPENCL=family=cpu asks for smaller ones",
                       items, limits.work_group));
  if (local_bytes > limits.local_bytes)
    throw Failure(WEFT_E_UNSUPPORTED,
                  text("a kernel needs %llu bytes of local memory, this device has %llu",
                       number(local_bytes), number(limits.local_bytes)));
}

uint64_t most_bytes(const plugin::GraphView& graph, const weft_value& value) {
  uint64_t bytes = common::element_size(value.dtype);
  for (uint32_t d = 0; d < value.rank; d++) {
    const weft_dim& dim = value.dims[d];
    const int64_t most = dim.slot == WEFT_NONE ? dim.value : graph.slot(dim.slot).max;
    if (most < 0) return UINT64_MAX;
    if (__builtin_mul_overflow(bytes, uint64_t(most), &bytes)) return UINT64_MAX;
  }
  return bytes;
}

void check_tensor(const Limits& limits, const plugin::NodeView& node, uint32_t index) {
  if (index == WEFT_NONE) return;
  const weft_value& value = node.graph().value(index);
  if (value.flags & WEFT_VALUE_CONTENTS) return;
  const uint64_t most = most_bytes(node.graph(), value);
  if (most <= limits.allocation_bytes) return;
  throw Refusal{WEFT_REFUSE_LIMIT,
                text("a tensor of %s may take %llu bytes, one buffer of this device %llu",
                     node->op_type, number(most), number(limits.allocation_bytes)),
                index,
                "CL_DEVICE_MAX_MEM_ALLOC_SIZE",
                int64_t(most >> 1 > INT64_MAX / 2 ? INT64_MAX : most),
                int64_t(limits.allocation_bytes)};
}

void check_tensors(const Limits& limits, const plugin::NodeView& node) {
  for (uint32_t i = 0; i < node->input_count; i++) check_tensor(limits, node, node.input(i));
  for (uint32_t i = 0; i < node->output_count; i++) check_tensor(limits, node, node.output(i));
}

}  // namespace weft::opencl
