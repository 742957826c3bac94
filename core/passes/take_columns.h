// Some columns or rows of a constant matrix, as a constant of its own.
#pragma once

#include <span>

#include "core/ir/graph.h"

namespace weft::passes {

// The constant [K, columns.size()] with these columns of `matrix`, [K, N], in this order; rank 1 is
// a matrix of one row. Columns that lie side by side in the storage (a weight stored output by
// output, packed codes) are a view of the same bytes; others are copied. None when the storage has
// no such part: blocks of codes that run across columns.
ir::ValueId take_columns(ir::Graph& graph, ir::ValueId matrix, std::span<const int64_t> columns);

// The constant [rows - first, N] with the rows of `matrix`, [rows, N], from `first` on: a view of
// the same bytes. None for quantized and reordered constants.
ir::ValueId rows_from(ir::Graph& graph, ir::ValueId matrix, int64_t first);

}  // namespace weft::passes
