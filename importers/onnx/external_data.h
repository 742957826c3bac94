// Tensor data in files beside the model.
//
// Each file is mapped once, and every tensor in it shares the mapping. Locations come from the
// model, so they are not trusted: only regular files inside the model's folder are opened. Threads:
// one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/base/mapped_file.h"
#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

class ExternalFiles {
 public:
  // `folder` is the model's; empty: the model came without one, and external data is refused.
  explicit ExternalFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The `expected` bytes of `tensor`, at an address aligned to `alignment` (a copy is made where
  // the file's offset is not). The content id follows from the file's identity and the place in it;
  // the bytes are not read. Errors name tensor, file, offset, length and the expected size.
  Result<std::shared_ptr<const ir::Constant>> read(const ::onnx::TensorProto& tensor,
                                                   int64_t expected, size_t alignment);

 private:
  Result<std::shared_ptr<const MappedFile>> file(const std::string& location);

  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;  // by location
};

}  // namespace weft::onnx
