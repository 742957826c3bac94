// Finds NaN and infinity in weights before a program is made of them: one such number in a product,
// a table or a norm makes every logit NaN, or worse, only some of them wrong.
//
//   NaN        refused in every constant of floats that a node reads
//   infinity   refused in weights: what a product multiplies by, the table of an embedding, the
//              parameters of a norm, the scales of quantized codes; elsewhere it can be meant, as
//              minus infinity is in a mask
//
// It reads every float weight once, at the speed of memory, and only where a program is compiled: a
// cached program was made of weights that passed.
#pragma once

#include <span>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::runtime {

// The first of the nodes' constants that holds such a number is an error (ErrorKind::model) that
// names node, op, tensor, type and element.
Status check_weights(const ir::Graph& graph, std::span<const ir::NodeId> nodes);

}  // namespace weft::runtime
