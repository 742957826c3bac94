// Ranges of activations moved into the weights that read them, channel by channel, where what makes
// the activations is linear in the channel:
//
//   RMSNormalization(x, g) -> W      g_k / f_k        W's row k * f_k
//   a * (v W_up) -> W                W_up's column k / f_k   likewise
//   f_k = max|x_k|^alpha / max|w_k|^(1 - alpha), of geometric mean 1
//
// The model computes what it did. With alpha 0 all is left to the weights' rows being alike, with 1
// all channels of x reach equally far. Xiao et al., "SmoothQuant", 2023, eq. 4.
#pragma once

#include <span>

#include "core/base/result.h"
#include "quant/activation_stats.h"
#include "tools/weft/linear_groups.h"

namespace weft::cli {

// Moves ranges of the groups that allow it; how many did.
Result<size_t> migrate(ir::Graph& graph, std::span<const LinearGroup> groups,
                       std::span<const quant::ActivationStats> stats, double alpha);

}  // namespace weft::cli
