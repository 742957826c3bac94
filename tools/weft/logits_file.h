// Logits of a text, kept to compare other models with: written by `weft eval --save-logits`, read
// by `--against`.
//
//   offset  size                  little endian
//        0     8  "WEFTLGT1"
//        8     8  vocabulary      columns of a row
//       16     8  window          tokens of a window
//       24     8  windows
//       32    16  hash of the token ids, XXH3-128 of windows * window int64
//       48    16  0
//       64        rows of f32, windows * (window - 1) of them: what follows a window's last token
//       is
//                 not known, so its row is left out
//
// Rows are in the order of the text. The size of the file follows from the header and is checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/base/hash.h"
#include "core/base/mapped_file.h"
#include "core/base/new_file.h"
#include "core/base/result.h"

namespace weft::cli {

struct LogitsShape {
  int64_t vocabulary = 0, window = 0, windows = 0;
  Hash128 ids{};

  int64_t rows() const { return windows * (window - 1); }
  // Bytes of the whole file.
  int64_t file_bytes() const { return 64 + rows() * vocabulary * int64_t(sizeof(float)); }
};

// Whether the file begins as a file of logits does. False for what cannot be read.
bool is_logits_file(const std::filesystem::path& path);

class LogitsFile {
 public:
  // Maps the file and checks its header against its size. Fails (ErrorKind::usage) with a sentence
  // that names the file.
  static Result<LogitsFile> open(const std::filesystem::path& path);
  const LogitsShape& shape() const { return shape_; }
  // Row `index` < shape().rows(), valid as long as this object.
  std::span<const float> row(int64_t index) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  LogitsShape shape_;
};

// The file appears under its name when finish() succeeds, whole (core/base/new_file.h).
class LogitsWriter {
 public:
  // Fails (ErrorKind::usage) when the disk has less room than the file takes.
  static Result<LogitsWriter> create(const std::filesystem::path& path, const LogitsShape& shape);
  // Appends rows: a multiple of `vocabulary` values.
  Status write(std::span<const float> values) { return file_.write(std::as_bytes(values)); }
  Status finish() { return file_.finish(); }

 private:
  explicit LogitsWriter(NewFile file) : file_(std::move(file)) {}
  NewFile file_;
};

}  // namespace weft::cli
