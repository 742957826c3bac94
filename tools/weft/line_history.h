// The lines typed in earlier chats, in a file of the user's own.
//
//   $XDG_STATE_HOME/weft/chat_history, else ~/.local/state/weft/chat_history
//
// One line of the file per entry, with line breaks as \n and backslashes as \\. Only the owner may
// read it (mode 0600). Entries are appended as they are made, so several chats at once lose
// nothing; a file that has grown long is cut down to the latest entries when it is read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace weft::cli {

class LineHistory {
 public:
  // Where the history belongs; empty when the environment names neither folder.
  static std::filesystem::path usual_path();

  // An empty path keeps nothing.
  explicit LineHistory(std::filesystem::path path) : path_(std::move(path)) {}

  // The entries, oldest first. A file that is not there has none; one that cannot be read is an
  // error.
  Result<std::vector<std::string>> load() const;
  // Adds an entry at the end of the file; makes file and folders where they are missing.
  Status append(std::string_view entry) const;

 private:
  std::filesystem::path path_;
};

}  // namespace weft::cli
