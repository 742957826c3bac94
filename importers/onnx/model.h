// ONNX files in: what exporters write becomes a graph in the op vocabulary of core/ops.
//
//   ir::Graph graph = TRY(onnx::import("SmolLM2/model.onnx"));
//
// After import the graph holds only ops of core/ops/ops.def under opset-25 semantics: contrib ops
// (com.microsoft), old opsets' spellings and local functions are gone; every value is typed, with
// symbols for the dims that the model leaves open. Annotations (value_info, metadata,
// documentation) are ignored: types follow from inputs, weights and ops. IR version and opset
// number refuse nothing; what the file contains does.
//
// Weights stay where they are: external data is mapped, not read, and tensors inside the file are
// taken over from its parsed form.
//
// Threads: any; each call is independent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::onnx {

struct FileSummary;  // importers/onnx/file_summary.h

struct ImportOptions {
  // Receives one sentence for each thing the import took for granted or left out; may be null.
  std::vector<std::string>* notes = nullptr;
  // Receives what the file holds, also when the import fails later on; may be null.
  FileSummary* summary = nullptr;
  // The folder that remembers the contents of external files (core/base/content_hash.h), so that
  // constants of equal contents have equal ids wherever the model lies. Empty: the identity of the
  // file stands for its contents, and nothing is read.
  std::filesystem::path content_memory = {};
};

// Imports `model`: an .onnx file, a folder with exactly one .onnx file, or a folder with such a
// folder named onnx/. Errors are one sentence naming file, node and op.
Result<ir::Graph> import(const std::filesystem::path& model, const ImportOptions& options = {});

// Imports a model held in memory. External data is looked for in `external_data_folder`; when that
// is empty, external data is refused. `bytes` is not needed after the call.
Result<ir::Graph> import_bytes(std::span<const std::byte> bytes,
                               const std::filesystem::path& external_data_folder,
                               const ImportOptions& options = {});

}  // namespace weft::onnx
