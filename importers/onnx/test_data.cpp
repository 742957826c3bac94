#include "importers/onnx/test_data.h"

#include <onnx/onnx_pb.h>

#include <climits>

#include "core/base/mapped_file.h"

namespace weft::onnx {

Result<NamedTensor> read_tensor_file(const std::filesystem::path& path) {
  const std::string file = path.filename().string();
  const auto mapped = TRY(MappedFile::open(path));
  const auto bytes = mapped->bytes();
  ::onnx::TensorProto proto;
  if (bytes.size() > size_t(INT_MAX) || !proto.ParseFromArray(bytes.data(), int(bytes.size())))
    return Error(file + ": not a serialized TensorProto, or a damaged one");
  ExternalFiles none{{}};
  Tensor tensor = TRY(read_tensor(proto, none), file);
  return NamedTensor{proto.name(), std::move(tensor)};
}

}  // namespace weft::onnx
