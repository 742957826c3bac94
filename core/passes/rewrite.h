// The step every fusion ends with, and how one that does not come to it speaks of values.
#pragma once

#include <string>
#include <vector>

#include "core/ir/graph.h"

namespace weft::passes {

// `value` takes the place of the node's first output, type included, and the node goes.
void replace_node(ir::Graph& graph, ir::NodeId node, ir::ValueId value);

// `value` with its type set.
ir::ValueId typed(ir::Graph& graph, ir::ValueId value, ir::Type type);
// `value` in another shape of as many elements; itself where it has that shape.
ir::ValueId in_shape(ir::Graph& graph, ir::ValueId value, const ir::Shape& shape);
// The sum of tensors that broadcast to one of them; none of none.
ir::ValueId sum_of(ir::Graph& graph, const std::vector<ir::ValueId>& summands);

// Range: first, first + 1, ..., of `length` elements of an integer type.
ir::ValueId counting_range(ir::Graph& graph, const sym::Dim& first, const sym::Dim& length,
                           ir::DType dtype = ir::DType::i64);

// The graph input that is [1, seq] and called position_ids, or none.
ir::ValueId position_input(const ir::Graph& graph);

// What computes `value`, for messages: "Clip '/attn/Clip'", "the input 'mask'", "a constant".
std::string describe(const ir::Graph& graph, ir::ValueId value);

}  // namespace weft::passes
