// Experts that stand in a graph one by one, read back: what the importer makes of the loop over
// experts that optimum traces (importers/onnx/picked_rows.cpp).
//
//   one_e [T, k]  = experts == e                     experts [T, k]: the indices of a TopK
//   slot_e [T]    = sum over j of one_e * j          which of a token's k choices e is
//   term_e [T, N] = Where(any over j of one_e, y_e * weights[t, slot_e], 0)
//
// A token's indices differ, so at most one of them is e, and slot_e is its place.
#pragma once

#include <optional>
#include <vector>

#include "core/ir/graph.h"

namespace weft::passes {

struct ExpertTerm {
  int64_t expert = 0;
  ir::ValueId experts = ir::ValueId::none, weights = ir::ValueId::none;  // [T, k]
  ir::ValueId y = ir::ValueId::none;                                     // [T, N]
};

// The terms of the chain of sums that ends in `sum`, in order of experts: one for each there is to
// choose, with the same choices and weights. Nothing where anything else but zeros is added.
std::optional<std::vector<ExpertTerm>> expert_terms(const ir::Graph& graph, ir::ValueId sum);

}  // namespace weft::passes
