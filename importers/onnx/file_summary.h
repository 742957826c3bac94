// What a model file holds, as it says itself: for people who want to know before anything is
// loaded. Nothing here is checked or believed by the import.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

struct FileSummary {
  std::filesystem::path path;  // empty for a model from memory
  int64_t size_bytes = 0;
  int64_t ir_version = 0;
  std::string producer;  // name and version

  struct Opset {
    std::string domain;  // "ai.onnx" for ONNX's own
    int64_t version = 0;
  };
  std::vector<Opset> opsets;

  // A file that tensors are in, beside the model.
  struct External {
    std::string name;
    int64_t size_bytes = -1;  // -1: there is no such file
    int64_t used_bytes = 0;   // that tensors refer to
  };
  std::vector<External> external;

  // An input or output of the graph; initializers that older files list as inputs are none.
  struct Port {
    std::string name, type;  // "f32[batch, 9, past, 64]"
    bool used = true;        // some node or output reads it
  };
  std::vector<Port> inputs, outputs;

  // Nodes of the graph and of the bodies of local functions; a call counts as what it names.
  struct OpCount {
    std::string domain, op;
    size_t count = 0;
    bool supported = true;  // the import knows it, or the file defines it
  };
  std::vector<OpCount> ops;  // by domain, then by count, most first
  size_t functions = 0;      // local ones

  struct Tensors {
    std::string type;  // "f32"
    size_t count = 0;
    int64_t bytes = 0;
  };
  std::vector<Tensors> initializers;  // by type, most bytes first
};

// Fills all but path and size_bytes. External files are looked for in `folder`.
void summarize(const ::onnx::ModelProto& model, const std::filesystem::path& folder,
               FileSummary& summary);

}  // namespace weft::onnx
