// The order in which the nodes of a file can run.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

// "node 'name' (Op)"; a node without a name is called by its first output.
std::string describe(const ::onnx::NodeProto& node);

// Indices of the graph's nodes, each after those it reads, otherwise as in the file. Fails with one
// sentence when a name is defined twice, a node or output reads a name nothing defines, or there is
// a cycle.
Result<std::vector<int>> run_order(const ::onnx::GraphProto& graph);

}  // namespace weft::onnx
