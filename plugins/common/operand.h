// What a kernel sees of a running program: plain data, so that a kernel compiled for any
// instruction set may include it without drawing shared inline functions into its object.
//
//   Operand  a tensor of this run: where it is, its shape, its strides
//   Step     one node: operands, what prepare() made of its constants, scratch
//   Team     the threads that walk the steps together
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace weft::common {

constexpr uint32_t kMaxRank = 8;

struct Operand {
  char* data;      // nullptr while unresolved
  uint32_t dtype;  // WEFT_F32 ...
  uint32_t rank;
  int64_t shape[kMaxRank];
  int64_t stride[kMaxRank];  // elements
  int64_t count;             // product of shape
  uint32_t tight;            // 1: row-major without gaps
  uint32_t value;            // index in the compiled graph
};

// The first error any thread met; the run stops after the step.
struct Fault {
  int32_t status;  // 0 = none
  uint32_t node;
  char message[248];
};

struct Step {
  const Operand* const* in;  // nullptr for an absent input
  Operand* const* out;
  uint32_t in_count, out_count;
  const void* state;  // from OpRow::prepare
  char* scratch;      // OpRow::scratch bytes, 64-byte aligned
  Fault* fault;
  uint32_t node;  // index in the compiled graph
};

// Who is calling a kernel: thread `id` of the `size` that take part, in which phase of the step.
// Steps and their phases are separated by barriers; within a phase threads do not wait for each
// other.
struct Team {
  uint32_t id;
  uint32_t size;
  uint32_t phase = 0;
};

}  // namespace weft::common
