// The reference of Attention, apart from its shape rule.
#pragma once

#include "core/ops/op_def.h"

namespace weft::ops {

Status attention_reference(const OpCall& call);

// Positions of Attention's inputs and outputs.
enum AttentionInput : size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kNonpadLength };
enum AttentionOutput : size_t { kY, kPresentKey, kPresentValue, kScores };

}  // namespace weft::ops
