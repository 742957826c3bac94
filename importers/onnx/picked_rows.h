// Rows that a mask picks (NonZero), as all rows, of which some do not count.
//
// A mixture of experts that was traced computes each expert for the tokens that chose it:
//
//   hot [T, k, E]   one-hot of the TopK's indices
//   slot, token = NonZero(hot[:, :, e]^T)             as many as chose e
//   y = expert_e(x[token]) * weights[token, slot]
//   total = ScatterElements(total, token, y)
//
// How many is known at run time only, and a size may not depend on data. But a TopK's indices
// differ, so a token chooses an expert once at most: the rows can be all T tokens in their order,
// each with its slot (any slot where it did not choose e), as long as what they become is kept for
// those that chose. That is E / k times the work, as with the MoE op (moe.cpp).
//
// While nodes are read, the rows have a symbol of their own as their number. So it shows in types
// where they go, and settle() can prove that every row is computed from itself alone until a
// scatter puts it back to its token.
#pragma once

#include <optional>

#include "importers/onnx/importer.h"

namespace weft::onnx {

// Nothing when NonZero(mask) is not of this kind; else the value that stands for it, i64
// [2, rows], until settle_picked_rows().
Result<std::optional<ir::ValueId>> pick_rows(Importer& importer, ir::ValueId mask);

// Replaces what pick_rows() gave. Fails, naming a node, where a row depends on which others were
// picked. To be called when all nodes and outputs are read.
Status settle_picked_rows(Importer& importer);

}  // namespace weft::onnx
