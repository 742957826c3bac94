// A folder that appears under its name only when all of it is there.
//
//   auto folder = TRY(NewFolder::create("out"));
//   ... files are written into folder.path() ...
//   TRY(folder.finish());          until here "out" does not exist, and after an error it never
//   does
//
// Files go to "<path>.<process>.partial", which is renamed at the end and removed when it does not
// come to that. One process writes a path at a time; a second fails at finish().
#pragma once

#include <filesystem>

#include "core/base/result.h"

namespace weft::cli {

class NewFolder {
 public:
  // Fails with ErrorKind::usage when `path` exists or cannot be written.
  static Result<NewFolder> create(const std::filesystem::path& path);
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder();

  // Where the files go for now.
  const std::filesystem::path& path() const { return partial_; }
  Status finish();

 private:
  NewFolder(std::filesystem::path path, std::filesystem::path partial)
      : path_(std::move(path)), partial_(std::move(partial)) {}

  std::filesystem::path path_, partial_;
};

// Copies what lies beside a model and is read with it: tokenizer, templates, configurations.
Status copy_side_files(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace weft::cli
