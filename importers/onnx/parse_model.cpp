// Reads the file through libonnx's message classes; see parse_model.h.
#include "importers/onnx/parse_model.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <climits>
#include <string>
#include <string_view>

namespace weft::onnx {

// What kind of file is often taken for a model, told by how it begins; empty when unknown.
static std::string guess(std::string_view bytes) {
  struct Kind {
    std::string_view start;
    const char* text;
  };
  constexpr Kind kinds[] = {
      {"version https://git-lfs",
       "it is a Git LFS pointer; fetch the real file with 'git lfs pull'"},
      {"GGUF", "it is a GGUF file; tools/gguf_to_onnx makes an ONNX model of it"},
      {"PK\x03\x04", "it is a zip archive (perhaps a PyTorch checkpoint); export it to ONNX"},
      {"\x1f\x8b", "it is gzip-compressed; unpack it"},
      {"<", "it is a web page or XML, perhaps an error page saved by a download"},
      {"ORTM", "it is ONNX Runtime's own format; use the .onnx file it was made from"},
      {"{", "it is JSON text"},
  };
  // Its length comes first, so any first byte is possible.
  if (bytes.size() > 10 && bytes.substr(5, 5) == std::string_view("\0\0\0{\"", 5))
    return "it is a safetensors file: weights without a graph; export the model to ONNX";
  for (const Kind& kind : kinds)
    if (bytes.starts_with(kind.start)) return kind.text;
  if (bytes.size() > 8 && bytes.substr(4, 4) == "ORTM") return kinds[5].text;
  if (std::all_of(
          bytes.begin(), bytes.begin() + ptrdiff_t(std::min<size_t>(bytes.size(), 64)),
          [](unsigned char c) { return (c >= ' ' && c < 127) || (c >= '\t' && c <= '\r'); }))
    return "it is text";
  return {};
}

Status parse_model(std::span<const std::byte> bytes, ::onnx::ModelProto& model) {
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

}  // namespace weft::onnx
