#include "importers/onnx/test_data.h"

#include <onnx/onnx_pb.h>

#include <climits>

#include "core/base/mapped_file.h"
#include "core/base/new_file.h"

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

Status write_tensor_file(const std::filesystem::path& path, const std::string& name,
                         ir::DType dtype, const std::vector<int64_t>& dims,
                         std::span<const std::byte> bytes) {
  ::onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(int32_t(dtype));
  for (const int64_t dim : dims) proto.add_dims(dim);
  proto.set_raw_data(bytes.data(), bytes.size());
  if (proto.ByteSizeLong() > size_t(INT_MAX)) {
    return Error{path.string() + " would be larger than the 2 GiB that a tensor file may have",
                 ErrorKind::usage};
  }
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  TRY(file.write(proto.SerializeAsString()));
  return file.finish();
}

}  // namespace weft::onnx
