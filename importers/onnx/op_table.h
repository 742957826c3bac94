// The lines of ops.def at run time: which function takes a node, and the checks every node passes.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "importers/onnx/node_import.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

using ImportFn = Status (*)(NodeImport&);

// Imports one node: finds its line, checks inputs and attributes against it, runs its function, and
// checks that every output is there. Errors do not name the node; the caller does.
Status import_node(Importer& importer, ::onnx::NodeProto& node, int64_t opset);

// Whether ops.def has a line for the op; the empty domain is ai.onnx.
bool is_listed(std::string_view domain, std::string_view op);

// Takes a node over under its own name, with its attributes.
Status same(NodeImport& node);

#define ONNX_OP(domain, name, function, least, most, attributes) Status function(NodeImport& node);
#include "importers/onnx/ops.def"
#undef ONNX_OP

}  // namespace weft::onnx
