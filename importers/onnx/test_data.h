// Tensors in files of their own: the inputs and outputs of ONNX's test data sets.
//
//   <folder>/test_data_set_<n>/input_<k>.pb, output_<k>.pb     one serialized TensorProto each
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "importers/onnx/tensors.h"

namespace weft::onnx {

struct NamedTensor {
  std::string name;  // may be empty: the file's number tells which input it is
  Tensor tensor;
};

// Reads one file; external data is refused. Every element type of core/ir/dtype.h. Errors name the
// file.
Result<NamedTensor> read_tensor_file(const std::filesystem::path& path);

// Writes one file, row-major elements of `bytes` inside; it appears under its name when it is
// whole. Fails with ErrorKind::usage.
Status write_tensor_file(const std::filesystem::path& path, const std::string& name,
                         ir::DType dtype, const std::vector<int64_t>& dims,
                         std::span<const std::byte> bytes);

}  // namespace weft::onnx
