// Rotations folded into the weights of a canonical decoder, so that what linears read has no
// outliers and the model computes what it did.
//
//   the residual stream x becomes x R:        table[ids] R at the start, R' before the last norm
//     what writes to it     W     -> W R
//     RMSNormalization      x/|x| g -> (x R)/|x|, with g moved to its readers
//     what reads the norm   W     -> R' diag(g) W
//   the heads' values v become v H:           W_v -> W_v H, W_o -> H' W_o, per head
//
// A norm keeps its length under R, so nothing is left to do at run time but the two products at the
// ends; the cache then holds rotated values. Ashkboos et al., "QuaRot", 2024.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::cli {

// What the names of the two products end in.
inline constexpr const char* kRotationName = "/rotation";

// Rotates what can be, and gives a sentence for what cannot.
Result<std::vector<std::string>> rotate(ir::Graph& graph);

}  // namespace weft::cli
