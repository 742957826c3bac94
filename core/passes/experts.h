// What the passes about mixtures of experts build.
//
//   T tokens, k experts chosen by each, E experts in all
#pragma once

#include <optional>
#include <string>

#include "core/ir/graph.h"
#include "core/passes/rewrite.h"

namespace weft::passes {

// ExpertMatMul(x [T, k or 1, K], weights, experts [T, k], bias), typed [T, k, N]; bias may be none.
// transposed: the weights are [E, N, K].
ir::ValueId expert_matmul(ir::Graph& graph, ir::ValueId x, ir::ValueId weights, ir::ValueId experts,
                          ir::ValueId bias, bool transposed, const std::string& name);

// The sum over the choices of y [T, k, N] (or [T, 1, N]) times weights [T, k], as [T, N].
ir::ValueId weighted_sum(ir::Graph& graph, ir::ValueId y, ir::ValueId weights,
                         const std::string& name);

// x as [T, 1, K] where `value`, of three dims, holds a row of x for each token along `axis` (0 or
// 1), whatever the index in the other one of the two. None where rows differ, or may.
ir::ValueId shared_row(ir::Graph& graph, ir::ValueId value, size_t axis);

}  // namespace weft::passes
