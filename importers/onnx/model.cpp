// From bytes to a graph: finds the file, parses it through libonnx's message classes, and hands it
// to the Importer; see model.h.
#include "importers/onnx/model.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <climits>
#include <cstring>
#include <string_view>

#include "core/base/mapped_file.h"
#include "importers/onnx/find_model.h"
#include "importers/onnx/importer.h"

namespace weft::onnx {

namespace fs = std::filesystem;

// What kind of file is often taken for a model, told by how it begins; empty when unknown.
static std::string guess(std::string_view bytes) {
  struct Kind {
    std::string_view start;
    const char* text;
  };
  constexpr Kind kinds[] = {
      {"version https://git-lfs",
       "it is a Git LFS pointer; fetch the real file with 'git lfs pull'"},
      {"GGUF", "it is a GGUF file"},
      {"PK\x03\x04", "it is a zip archive (perhaps a PyTorch checkpoint); export it to ONNX"},
      {"\x1f\x8b", "it is gzip-compressed; unpack it"},
      {"<", "it is a web page or XML, perhaps an error page saved by a download"},
      {"ORTM", "it is ONNX Runtime's own format; use the .onnx file it was made from"},
      {"{", "it is JSON text"},
  };
  for (const Kind& kind : kinds)
    if (bytes.starts_with(kind.start)) return kind.text;
  if (bytes.size() > 8 && bytes.substr(4, 4) == "ORTM") return kinds[5].text;
  return {};
}

static Status parse(std::span<const std::byte> bytes, ::onnx::ModelProto& model) {
  std::string size = std::to_string(bytes.size()) + " bytes";
  if (bytes.empty()) return Error("the file is empty, not an ONNX model");
  if (bytes.size() > size_t(INT_MAX))
    return Error("the file has " + size +
                 ", protobuf ends at 2 GiB; save the model with its "
                 "weights as external data");
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  google::protobuf::io::ArrayInputStream stream(bytes.data(), int(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(INT_MAX);
  bool whole = model.ParsePartialFromCodedStream(&coded) && coded.ConsumedEntireMessage();
  if (whole && model.has_graph() && model.graph().node_size() + model.graph().output_size() > 0)
    return {};
  std::string kind = guess(text);
  if (!kind.empty()) return Error("not an ONNX model (" + size + "): " + kind);
  if (whole && model.has_graph()) return Error("the model's graph is empty (" + size + ")");
  if (whole) return Error("not an ONNX model (" + size + "): it holds no graph");
  return Error("not an ONNX model, or a damaged or truncated one (" + size +
               " that protobuf cannot read to the end)");
}

static Result<ir::Graph> import_parsed(std::span<const std::byte> bytes, const fs::path& folder,
                                       const ImportOptions& options) {
  ::onnx::ModelProto model;
  TRY(parse(bytes, model));
  Importer importer(folder, options);
  TRY(importer.run(model));
  return std::move(importer.graph);
}

Result<ir::Graph> import(const fs::path& model, const ImportOptions& options) {
  fs::path file = TRY(find_model(model));
  std::shared_ptr<const MappedFile> mapped = TRY(MappedFile::open(file));
  fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return TRY(import_parsed(mapped->bytes(), folder, options), file.filename().string());
}

Result<ir::Graph> import_bytes(std::span<const std::byte> bytes,
                               const fs::path& external_data_folder, const ImportOptions& options) {
  return import_parsed(bytes, external_data_folder, options);
}

}  // namespace weft::onnx
