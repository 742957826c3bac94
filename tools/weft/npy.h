// Writes f32 matrices as .npy files (NumPy's format 1.0), row block by row block.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

#include "core/base/result.h"

namespace weft::cli {

// The file appears under its name when finish() succeeds, whole; before that it is
// `<name>.partial`.
class NpyWriter {
 public:
  static Result<NpyWriter> create(const std::filesystem::path& path, int64_t rows, int64_t columns);
  Status write(std::span<const float> values);
  Status finish();
  NpyWriter(NpyWriter&&) = default;
  ~NpyWriter();

 private:
  NpyWriter() = default;
  Error failed() const;
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::filesystem::path path_, partial_;
};

}  // namespace weft::cli
