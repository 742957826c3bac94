#include "tools/weft/line_history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace weft::cli {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostEntries = 2000, kKeptEntries = 1000;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '\n';
}

std::string unescaped(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == line.size())
      out += line[i];
    else
      out += line[++i] == 'n' ? '\n' : line[i];
  }
  return out;
}

Error cannot(const char* what, const fs::path& path) {
  return Error{std::string("cannot ") + what + " the chat history " + path.string() + ": " +
                   std::strerror(errno),
               ErrorKind::usage};
}

Status write_all(const fs::path& path, int flags, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (file < 0) return cannot("write", path);
  const bool written =
      ::fchmod(file, 0600) == 0 && ::write(file, text.data(), text.size()) == ssize_t(text.size());
  const Status status = written ? Status() : Status(cannot("write", path));
  ::close(file);
  return status;
}

}  // namespace

fs::path LineHistory::usual_path() {
  // The specification ignores relative paths.
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/')
    return fs::path(state) / "weft" / "chat_history";
  if (const char* home = std::getenv("HOME"); home && *home == '/')
    return fs::path(home) / ".local" / "state" / "weft" / "chat_history";
  return {};
}

Result<std::vector<std::string>> LineHistory::load() const {
  std::vector<std::string> entries;
  std::error_code ignored;
  if (path_.empty() || !fs::exists(path_, ignored)) return entries;
  std::ifstream in(path_, std::ios::binary);
  if (!in) return cannot("read", path_);
  for (std::string line; std::getline(in, line);) entries.push_back(unescaped(line));
  if (entries.size() <= kMostEntries) return entries;
  entries.erase(entries.begin(), entries.end() - kKeptEntries);
  std::string text;
  for (const std::string& entry : entries) text += escaped(entry);
  const fs::path fresh = path_.string() + "." + std::to_string(::getpid());
  TRY(write_all(fresh, O_TRUNC, text));
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return cannot("write", path_);
  return entries;
}

Status LineHistory::append(std::string_view entry) const {
  if (path_.empty()) return {};
  std::error_code failed;
  fs::create_directories(path_.parent_path().parent_path(), failed);
  if (::mkdir(path_.parent_path().c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("make the folder of", path_);
  return write_all(path_, O_APPEND, escaped(entry));
}

}  // namespace weft::cli
