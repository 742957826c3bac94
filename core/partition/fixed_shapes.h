// Shapes for devices that cannot change them from run to run (WEFT_CLAIM_NEEDS_STATIC_SHAPES).
//
//   seq in [1, 256]    [1, seq, 576]  ->  [1, 256, 576]
//
// Every dim is fixed at its value for the longest run. A shorter run computes all rows as well: its
// own lie first, tight, and what is computed from the bytes behind them nobody reads. So rows must
// not grow with the cache, must have a fixed length, and must not be written into the cache.
#pragma once

#include <weft/plugin.h>

#include <optional>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/sym/slots.h"

namespace weft::partition {

// The value of `dim` with every symbol at its upper bound; nothing when a symbol has none, or when
// another binding gives more.
std::optional<int64_t> fixed_value(const sym::Dim& dim, const sym::Bounds& bounds);

// Why `nodes` cannot run at fixed shapes, as a sentence for people; empty when they can.
std::string why_not_fixed(const ir::Graph& graph, const std::vector<ir::NodeId>& nodes);

// weft_compile_args.slots of an island at fixed shapes: slots that its values name have their fixed
// value, the others -1. All of them can be fixed (why_not_fixed).
std::vector<int64_t> fixed_slots(const weft_graph& island, const sym::SlotTable& slots,
                                 const sym::Bounds& bounds);

}  // namespace weft::partition
