// From bytes to a graph: finds the file, parses it through libonnx's message classes, and hands it
// to the Importer; see model.h.
#include "importers/onnx/model.h"

#include <onnx/onnx_pb.h>

#include "core/base/mapped_file.h"
#include "importers/onnx/file_summary.h"
#include "importers/onnx/find_model.h"
#include "importers/onnx/importer.h"
#include "importers/onnx/parse_model.h"

namespace weft::onnx {

namespace fs = std::filesystem;

static Result<ir::Graph> import_parsed(std::span<const std::byte> bytes, const fs::path& folder,
                                       const ImportOptions& options) {
  ::onnx::ModelProto model;
  TRY(parse_model(bytes, model));
  if (options.summary) summarize(model, folder, *options.summary);
  Importer importer(folder, options);
  TRY(importer.run(model));
  return std::move(importer.graph);
}

Result<ir::Graph> import(const fs::path& model, const ImportOptions& options) {
  fs::path file = TRY(find_model(model));
  std::shared_ptr<const MappedFile> mapped = TRY(MappedFile::open(file));
  if (options.summary) {
    options.summary->path = file;
    options.summary->size_bytes = int64_t(mapped->identity().size);
  }
  fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return TRY(import_parsed(mapped->bytes(), folder, options), file.filename().string());
}

Result<ir::Graph> import_bytes(std::span<const std::byte> bytes,
                               const fs::path& external_data_folder, const ImportOptions& options) {
  return import_parsed(bytes, external_data_folder, options);
}

}  // namespace weft::onnx
