// A small graph of fixed sizes, run once on one device: how a node of a plan is tried alone.
//
// Claims, plan and programs are made for this graph only and go with the call; no cache is read or
// written. Threads: one at a time per device.
#pragma once

#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/graph.h"
#include "core/ops/array.h"

namespace weft::runtime {

// The outputs of `graph` for `inputs`, each in the graph's order; every output is computed by a
// node and every shape is a number. Fails when the device does not take every node, or when it
// fails.
Result<std::vector<ops::Tensor>> run_part(const ir::Graph& graph, const host::DevicePtr& device,
                                          std::span<const ops::Tensor> inputs);

}  // namespace weft::runtime
