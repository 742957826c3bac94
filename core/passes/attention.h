// Attention and SinkAttention (core/ops/attention.cpp) as the passes around them see them: the same
// inputs in the same places, the second with two more.
#pragma once

#include "core/ops/attention.h"
#include "core/passes/pass.h"

namespace weft::passes {

inline bool is_attention(const Node& node) { return ops::is_attention(node.op); }

// None where the node has no such input.
inline ValueId input(const Node& node, size_t slot) {
  return slot < node.inputs.size() ? node.inputs[slot] : ValueId::none;
}

// Replaces one input; absent ones at the end are not listed.
inline void set_input(Node& node, size_t slot, ValueId value) {
  if (node.inputs.size() <= slot) node.inputs.resize(slot + 1, ValueId::none);
  node.inputs[slot] = value;
  while (node.inputs.back() == ValueId::none) node.inputs.pop_back();
}

}  // namespace weft::passes
