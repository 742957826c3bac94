// The reference of Attention and SinkAttention, apart from their shape rules.
#pragma once

#include "core/ops/op_def.h"

namespace weft::ops {

inline bool is_attention(ir::Op op) {
  return op == ir::Op::Attention || op == ir::Op::SinkAttention;
}

Status attention_reference(const OpCall& call);  // of both: inputs that are absent add nothing

// Positions of Attention's inputs and outputs.
enum AttentionInput : size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kNonpadLength };
// SinkAttention has two more.
enum SinkAttentionInput : size_t { kSinks = kNonpadLength + 1, kSlopes };
enum AttentionOutput : size_t { kY, kPresentKey, kPresentValue, kScores };

}  // namespace weft::ops
