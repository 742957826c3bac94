// A file that appears under its name only when it is whole.
//
//   auto file = TRY(NewFile::create(path, ErrorKind::usage));
//   TRY(file.write(text));
//   TRY(file.finish());          until here `path` is what it was, and after an error it stays so
//
// Bytes go to "<path>.<number>.partial", a name no other writer has, which is renamed at the end
// and removed when it does not come to that.
// Threads: one at a time per object; any number of processes may write the same path, and the last
// to finish stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft {

class NewFile {
 public:
  // Fails, as every function here, with "cannot write PATH: why" of kind `kind`.
  static Result<NewFile> create(const std::filesystem::path& path, ErrorKind kind);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  // Replaces bytes that have been written, without moving the end.
  Status rewrite(uint64_t offset, std::span<const std::byte> bytes);
  uint64_t size_bytes() const { return size_; }

  // What is written stays written when the machine stops; waits for the disk.
  Status sync();
  // sync(), then the name.
  Status finish();
  // The name alone: for files whose content tells whether it is whole.
  Status finish_unsynced();

 private:
  NewFile(std::filesystem::path path, ErrorKind kind) : path_(std::move(path)), kind_(kind) {}
  Status flush();
  Error failed() const;

  std::filesystem::path path_, partial_;
  ErrorKind kind_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace weft
