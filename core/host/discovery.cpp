// Search order and file checks of discovery.h.
#include "core/host/discovery.h"

#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <system_error>
#include <utility>

namespace weft::host {

namespace fs = std::filesystem;

static std::string quoted(const fs::path& path) {
  std::string text = "'";
  text += path.string();
  text += '\'';
  return text;
}

// Who may change a file or folder: the user and root only. The sticky bit of a folder like /tmp
// does not help, for anyone may still add a file there.
static std::optional<std::string> unsafe(const fs::path& path, const struct stat& status) {
  const char* kind = S_ISDIR(status.st_mode) ? "the folder " : "the file ";
  if (status.st_mode & S_IWOTH) return kind + quoted(path) + " can be written by anyone";
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return kind + quoted(path) + " belongs to another user (id " + std::to_string(status.st_uid) +
           "), neither root nor you";
  return std::nullopt;
}

static std::optional<std::string> fault_of_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return "the file cannot be examined: " + std::generic_category().message(errno);
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  if (auto why = unsafe(path, status)) return why;
  const fs::path folder = path.parent_path();
  if (::stat(folder.c_str(), &status) != 0)
    return "the folder " + quoted(folder) +
           " cannot be examined: " + std::generic_category().message(errno);
  return unsafe(folder, status);
}

Candidate examine(const fs::path& path, const std::string& source) {
  Candidate candidate{path, source, Verdict::refused, "", std::nullopt};
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  if (error) {
    candidate.why = "it cannot be found: " + error.message();
    return candidate;
  }
  candidate.path = std::move(canonical);
  if (auto why = fault_of_file(candidate.path)) {
    candidate.why = *std::move(why);
    return candidate;
  }
  Result<Note> note = read_note(candidate.path);
  if (!note.ok()) {
    candidate.why = note.error().message;
    return candidate;
  }
  candidate.note = *note;
  if (Status fits = check_note(*note); !fits.ok()) {
    candidate.why = fits.error().message;
    return candidate;
  }
  candidate.verdict = Verdict::accepted;
  return candidate;
}

static void add_folder(const fs::path& folder, const std::string& source,
                       std::vector<Candidate>& found) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".so") files.push_back(it->path());
  if (error) {
    found.push_back({folder, source, Verdict::refused,
                     "the folder cannot be read: " + error.message(), std::nullopt});
    return;
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) found.push_back(examine(file, source));
}

// A relative entry would mean the current folder, which is never searched.
static void add_entry(const fs::path& entry, const std::string& source,
                      std::vector<Candidate>& found) {
  std::error_code error;
  if (entry.is_relative()) {
    found.push_back({entry, source, Verdict::refused,
                     "the entry is not an absolute path, and the current folder is not searched",
                     std::nullopt});
  } else if (fs::is_directory(entry, error)) {
    add_folder(entry, source, found);
  } else {
    found.push_back(examine(entry, source));
  }
}

static void add_path_variable(const std::string& value, std::vector<Candidate>& found) {
  size_t begin = 0;
  while (begin < value.size()) {
    const size_t end = std::min(value.find(':', begin), value.size());
    if (end > begin) add_entry(value.substr(begin, end - begin), "WEFT_PLUGIN_PATH", found);
    begin = end + 1;
  }
}

// A symbolic link is the same file by its canonical path, a hard link by device and inode. A copy
// is another file: its plugin's name tells (loader.h).
static void mark_duplicates(std::vector<Candidate>& found) {
  std::map<std::pair<dev_t, ino_t>, const Candidate*> seen;
  for (Candidate& candidate : found) {
    struct stat status {};
    if (candidate.verdict != Verdict::accepted || ::stat(candidate.path.c_str(), &status) != 0)
      continue;
    const auto [first, is_new] = seen.emplace(std::pair(status.st_dev, status.st_ino), &candidate);
    if (is_new) continue;
    candidate.verdict = Verdict::duplicate;
    candidate.why =
        "it is the same file as " + quoted(first->second->path) + " from " + first->second->source;
  }
}

std::vector<Candidate> discover(const SearchPlaces& places) {
  std::vector<Candidate> found;
  for (const fs::path& file : places.files) found.push_back(examine(file, "--plugin"));
  add_path_variable(places.path_variable, found);
  std::error_code error;
  if (fs::is_directory(places.folder, error))
    add_folder(places.folder, places.folder.string(), found);
  mark_duplicates(found);
  return found;
}

SearchPlaces usual_places(std::vector<fs::path> files) {
  SearchPlaces places;
  places.files = std::move(files);
  const char* variable = ::getauxval(AT_SECURE) ? nullptr : std::getenv("WEFT_PLUGIN_PATH");
  if (variable) places.path_variable = variable;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) places.folder = program.parent_path().parent_path() / "lib" / "weft" / "plugins";
  return places;
}

}  // namespace weft::host
