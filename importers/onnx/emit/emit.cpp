// The two files of an emission; see emit.h.
#include "importers/onnx/emit/emit.h"

#include <climits>
#include <fstream>

#include "importers/onnx/emit/emitter.h"

namespace weft::onnx {

namespace fs = std::filesystem;

namespace {

// Where readers that map files want tensors to begin.
constexpr uint64_t kAlignment = 4096;

Error cannot_write(const fs::path& file) {
  return Error{"cannot write '" + file.string() + "'; is the folder there, and is there room?",
               ErrorKind::usage};
}

// A file that gets its name when it is whole, and leaves nothing behind when it does not.
class NewFile {
 public:
  explicit NewFile(fs::path path)
      : path_(std::move(path)), part_(path_.string() + ".part"), out_(part_, std::ios::binary) {}
  ~NewFile() {
    std::error_code ignored;
    if (!done_) fs::remove(part_, ignored);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  std::ofstream& out() { return out_; }
  Status close() {
    out_.close();
    return out_ ? Status() : cannot_write(path_);
  }
  Status rename() {
    std::error_code error;
    fs::rename(part_, path_, error);
    done_ = !error;
    return error ? Status(cannot_write(path_)) : Status();
  }

 private:
  fs::path path_, part_;
  std::ofstream out_;
  bool done_ = false;
};

void set_entry(::onnx::TensorProto& tensor, const char* key, const std::string& value) {
  auto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

// Writes the tensors one after the other; equal contents are written once.
Status write_data(Emitter& emitter, const fs::path& name, std::ofstream& out) {
  std::map<std::pair<std::array<uint64_t, 2>, size_t>, uint64_t> written;  // to offset
  uint64_t end = 0;
  for (const ExternalTensor& one : emitter.external) {
    auto& tensor = *emitter.model.mutable_graph()->mutable_initializer(one.index);
    const auto bytes = one.data->bytes;
    const auto [entry, fresh] = written.emplace(std::pair(one.data->content_id, bytes.size()), 0);
    if (fresh) {
      const uint64_t offset = (end + kAlignment - 1) / kAlignment * kAlignment;
      out << std::string(offset - end, '\0');
      out.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
      entry->second = offset;
      end = offset + bytes.size();
    }
    tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
    set_entry(tensor, "location", name.string());
    set_entry(tensor, "offset", std::to_string(entry->second));
    set_entry(tensor, "length", std::to_string(bytes.size()));
  }
  return {};
}

}  // namespace

Status emit(const ir::Graph& graph, const fs::path& file) {
  Emitter emitter(graph);
  TRY(emitter.run());
  const fs::path data_path = file.string() + ".data";
  NewFile model(file), data(data_path);
  if (!model.out() || !data.out()) return cannot_write(file);
  TRY(write_data(emitter, data_path.filename(), data.out()));
  if (emitter.model.ByteSizeLong() > size_t(INT_MAX))
    return Error("the graph takes more than the 2 GiB that an ONNX file may have");
  if (!emitter.model.SerializeToOstream(&model.out())) return cannot_write(file);
  TRY(model.close());
  TRY(data.close());
  if (!emitter.external.empty()) TRY(data.rename());
  return model.rename();
}

}  // namespace weft::onnx
