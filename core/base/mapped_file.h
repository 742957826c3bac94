// A file mapped read-only: weights are read by the pages a kernel touches, and two users of one
// file share its memory.
//
//   auto file = TRY(MappedFile::open(path));
//   file->bytes()        valid as long as any copy of `file` lives
//
// A file that another program shortens while it is mapped ends the process (SIGBUS): model files
// are replaced by renaming, not by writing into them. Threads: immutable after open().
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/base/result.h"

namespace weft {

// What tells one state of a file from another without reading it.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;        // bytes
  int64_t modified_ns = 0;  // contents, since the epoch
  int64_t changed_ns = 0;   // inode: also moves when a copy keeps the modification time
  bool operator==(const FileIdentity&) const = default;
};

class MappedFile {
 public:
  // Maps the whole of a regular file; an empty file has empty bytes. Fails (ErrorKind::model) when
  // the file is missing, unreadable, or not a regular file; the message names the path.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // Gives back the memory of every page of every mapped file; what is read again comes from the
  // page cache. Any thread, at any time.
  static void release_pages();

  std::span<const std::byte> bytes() const { return {data_, size_t(identity_.size)}; }
  const FileIdentity& identity() const { return identity_; }

 private:
  MappedFile(const std::byte* data, FileIdentity identity) : data_(data), identity_(identity) {}

  const std::byte* data_ = nullptr;
  FileIdentity identity_;
};

}  // namespace weft
