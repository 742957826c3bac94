// Linears with codes as weights that run as one: they share the input, which is quantized once, and
// take with them the normalization before and the arithmetic behind.
//
//   x --[RMSNormalization]--+-- MatMul [-- Add] --> y          kStore, kJoin
//                           +-- MatMul [-- Add] --> y
//
//   x --[RMSNormalization]--+-- MatMul -- activation --+
//                           +-- MatMul ----------------Mul --> y          kGate
#pragma once

#include <vector>

#include "plugins/common/backend.h"
#include "plugins/cpu/ops/cpu_op.h"

namespace weft::cpu {

struct LinearGroup {
  struct Member {
    uint32_t matmul;
    uint32_t join = WEFT_NONE;  // the Add behind it
    uint32_t other = 0;         // which input of the Add is not the product
  };
  uint32_t norm = WEFT_NONE;  // nodes; WEFT_NONE where there is none
  std::vector<Member> members;
  uint32_t activation = WEFT_NONE, gate = WEFT_NONE;  // of members[0], and the Mul with members[1]
  // The result leaves the graph, or the rows are fewer than those the graph begins with.
  bool of_last_rows = false;

  std::vector<uint32_t> nodes() const;  // in order
};

// All groups of the graph; a linear that shares nothing is a group too. They have no node in
// common, and each is convex.
std::vector<LinearGroup> linear_groups(const plugin::GraphView& graph);

// Runs the LinearGroup that is its step's plan.
extern const OpRow linear_group_row;

}  // namespace weft::cpu
