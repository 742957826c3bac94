// Local functions: nodes that call one are replaced by its body before import.
#pragma once

#include "core/base/result.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

// Expands every call in the model's graph, calls inside functions included. Names inside a body get
// the calling node's name in front. Functions of domain weft that ops.def lists stay calls: their
// bodies are for other engines. Fails on recursion, on a wrong number of inputs or outputs, and
// on a function written for another opset than the model.
Status inline_functions(::onnx::ModelProto& model);

}  // namespace weft::onnx
