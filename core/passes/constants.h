// Reading small constants: the scalars and fills that patterns are made of.
#pragma once

#include <optional>

#include "core/ir/graph.h"
#include "core/ops/array.h"

namespace weft::passes {

// A view of a constant's bytes as the references read them; nothing for other values, quantized and
// reordered constants, and those whose bytes are not known. The graph keeps the bytes.
std::optional<ops::Array> constant_array(const ir::Value& value);
// The one number a constant holds everywhere: a scalar, a tensor of ones, a mask of false. Nothing
// for other values, quantized constants, and constants of more than a MiB.
std::optional<double> uniform(const ir::Value& value);
// The element of a constant with one element, of any rank.
std::optional<double> scalar(const ir::Graph& graph, ir::ValueId id);

}  // namespace weft::passes
