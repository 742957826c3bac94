// Orders claimed units so that each device gets long stretches of work, and cuts the order into
// islands.
//
//   unit     nodes that one plugin runs as one (a claim)
//   island   neighbouring units of one device: what compile() sees, and what one execute() runs;
//            units at fixed shapes (fixed_shapes.h) and others are never in one
//
// Among the units that are ready, the one that continues the current island goes first; the device
// changes only when it must.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::partition {

struct Unit {
  uint32_t device = 0;
  std::vector<ir::NodeId> nodes;  // in topological order
  bool fixed_shapes = false;      // runs at the upper bounds of its dims
  std::string reason = {};        // the plugin's word about the claim; may be empty
};

struct Island {
  uint32_t device = 0;
  std::vector<ir::NodeId> nodes;  // in an order in which they can run
  std::vector<uint32_t> units;    // of each node: equal numbers, one unit
  bool fixed_shapes = false;      // so do all its units
};

// True when no path leaves `nodes` and comes back: only then can they run as one.
bool is_convex(const ir::Graph& graph, const std::vector<ir::NodeId>& nodes);

// `units` hold every live node exactly once and each is convex. Fails when units wait for each
// other in a circle, naming a node of it.
Result<std::vector<Island>> schedule(const ir::Graph& graph, const std::vector<Unit>& units);

}  // namespace weft::partition
