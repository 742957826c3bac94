// Writes f32 matrices as .npy files (NumPy's format 1.0), row block by row block.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "core/base/new_file.h"
#include "core/base/result.h"

namespace weft::cli {

// The file appears under its name when finish() succeeds, whole (core/base/new_file.h).
class NpyWriter {
 public:
  // Fails, as the others, with ErrorKind::usage.
  static Result<NpyWriter> create(const std::filesystem::path& path, int64_t rows, int64_t columns);
  Status write(std::span<const float> values) { return file_.write(std::as_bytes(values)); }
  Status finish() { return file_.finish(); }

 private:
  explicit NpyWriter(NewFile file) : file_(std::move(file)) {}
  NewFile file_;
};

}  // namespace weft::cli
