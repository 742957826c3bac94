// Reading small constants: the scalars and fills that patterns are made of.
#pragma once

#include <optional>

#include "core/ir/graph.h"

namespace weft::passes {

// The one number a constant holds everywhere: a scalar, a tensor of ones, a mask of false. Nothing
// for other values, quantized constants, and constants of more than a MiB.
std::optional<double> uniform(const ir::Value& value);
// The element of a constant with one element, of any rank.
std::optional<double> scalar(const ir::Graph& graph, ir::ValueId id);

}  // namespace weft::passes
