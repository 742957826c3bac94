// The two files of an emission; see emit.h.
#include "importers/onnx/emit/emit.h"

#include <climits>

#include "core/base/new_file.h"
#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

namespace fs = std::filesystem;

namespace {

// Where readers that map files want tensors to begin.
constexpr uint64_t kAlignment = 4096;

void set_entry(::onnx::TensorProto& tensor, const char* key, const std::string& value) {
  auto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

// Writes the tensors one after the other; equal contents are written once.
Status write_data(Emitter& emitter, const fs::path& name, NewFile& out) {
  std::map<std::pair<std::array<uint64_t, 2>, size_t>, uint64_t> written;  // to offset
  for (const ExternalTensor& one : emitter.external) {
    auto& tensor = *emitter.model.mutable_graph()->mutable_initializer(one.index);
    const auto bytes = one.data->bytes;
    const auto [entry, fresh] = written.emplace(std::pair(one.data->content_id, bytes.size()), 0);
    if (fresh) {
      const uint64_t end = out.size_bytes();
      entry->second = (end + kAlignment - 1) / kAlignment * kAlignment;
      TRY(out.write(std::string(entry->second - end, '\0')));
      TRY(out.write(bytes));
    }
    tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
    set_entry(tensor, "location", name.string());
    set_entry(tensor, "offset", std::to_string(entry->second));
    set_entry(tensor, "length", std::to_string(bytes.size()));
  }
  return {};
}

}  // namespace

Status emit(const ir::Graph& graph, const fs::path& file, const EmitOptions& options) {
  Emitter emitter(graph, options);
  TRY(emitter.run());
  const fs::path data_path = file.string() + ".data";
  NewFile model = TRY(NewFile::create(file, ErrorKind::usage));
  NewFile data = TRY(NewFile::create(data_path, ErrorKind::usage));
  TRY(write_data(emitter, data_path.filename(), data));
  if (emitter.model.ByteSizeLong() > size_t(INT_MAX))
    return Error("the graph takes more than the 2 GiB that an ONNX file may have");
  TRY(model.write(emitter.model.SerializeAsString()));
  TRY(model.sync());
  if (!emitter.external.empty()) TRY(data.finish());
  return model.finish();
}

}  // namespace weft::onnx
