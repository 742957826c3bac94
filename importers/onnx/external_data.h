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

#include "core/base/hash.h"
#include "core/base/mapped_file.h"
#include "core/base/result.h"
#include "core/ir/graph.h"
#include "importers/onnx/proto_fwd.h"

namespace weft::onnx {

class ExternalFiles {
 public:
  // `folder` is the model's; empty: the model came without one, and external data is refused.
  // `content_memory` is that of ImportOptions.
  explicit ExternalFiles(std::filesystem::path folder, std::filesystem::path content_memory = {})
      : folder_(std::move(folder)), content_memory_(std::move(content_memory)) {}

  // The `expected` bytes of `tensor`, at an address aligned to `alignment` (a copy is made where
  // the file's offset is not). The content id follows from the place in the file and from the file:
  // from the hash of its contents where there is a memory for those, else from its identity, and
  // the bytes are not read. Two tensors may share all their bytes, as tied weights do, but not some
  // of them. Errors name tensor, file, offset, length and the expected size.
  Result<std::shared_ptr<const ir::Constant>> read(const ::onnx::TensorProto& tensor,
                                                   int64_t expected, size_t alignment);

 private:
  struct Taken {
    uint64_t end = 0;
    std::string tensor;
  };
  using TakenRanges = std::map<uint64_t, Taken>;  // by offset; no two overlap

  Result<std::shared_ptr<const MappedFile>> file(const std::string& location);
  // What tells this file from others: its contents or its identity.
  Hash128 id_of(const MappedFile& file);
  Status take(const MappedFile& file, uint64_t offset, uint64_t length, const std::string& tensor);

  std::filesystem::path folder_, content_memory_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;  // by location
  std::map<std::pair<uint64_t, uint64_t>, TakenRanges> taken_;      // by device and inode
  std::map<const MappedFile*, Hash128> ids_;
};

}  // namespace weft::onnx
