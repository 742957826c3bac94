// The protobuf message of a model file, or the reason why there is none.
#pragma once

#include <cstddef>
#include <span>

#include "core/base/result.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

// Parses `bytes` into `model`, whose tensors then own their data. A file of another kind is named
// in the error where its beginning tells.
Status parse_model(std::span<const std::byte> bytes, ::onnx::ModelProto& model);

}  // namespace weft::onnx
