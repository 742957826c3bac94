#include "tools/weft/new_folder.h"

#include <unistd.h>

#include <utility>

namespace weft::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSideFiles[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "genai_config.json",
    "LICENSE",
    "LICENSE.txt",
};

Error cannot_write(const fs::path& path, const std::string& why) {
  return Error{"cannot write " + path.string() + ": " + why, ErrorKind::usage};
}

}  // namespace

Result<NewFolder> NewFolder::create(const fs::path& path) {
  std::error_code error;
  const fs::path whole = path.has_filename() ? path : path.parent_path();  // "out/" is "out"
  if (whole.empty()) return cannot_write(path, "it names no folder");
  if (fs::exists(fs::symlink_status(whole, error)))
    return cannot_write(path, "it exists; a folder that does not is made");
  fs::path partial = whole;
  partial += "." + std::to_string(getpid()) + ".partial";
  if (!fs::create_directory(partial, error)) {
    return cannot_write(path, error ? error.message() : "its partial folder exists");
  }
  return NewFolder(whole, std::move(partial));
}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : path_(std::move(other.path_)), partial_(std::exchange(other.partial_, {})) {}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!partial_.empty()) fs::remove_all(partial_, ignored);
}

Status NewFolder::finish() {
  std::error_code error;
  // rename() would replace an empty folder made meanwhile.
  if (fs::exists(fs::symlink_status(path_, error)))
    return cannot_write(path_, "it came to exist meanwhile");
  fs::rename(partial_, path_, error);
  if (error) return cannot_write(path_, error.message());
  partial_.clear();
  return {};
}

Status copy_side_files(const fs::path& from, const fs::path& to) {
  for (const char* name : kSideFiles) {
    std::error_code error;
    if (!fs::is_regular_file(from / name, error)) continue;
    fs::copy_file(from / name, to / name, error);
    if (error) return cannot_write(to / name, error.message());
  }
  return {};
}

}  // namespace weft::cli
