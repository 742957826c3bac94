#include "core/runtime/cache_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include "core/base/log.h"

namespace weft::runtime {

namespace fs = std::filesystem;

namespace {

constexpr int64_t kLeftoverAge = 3600;  // seconds; no entry takes that long to write

// Room for the header and any description this version writes.
constexpr size_t kHead = 16 << 10;

std::optional<CacheFile> read_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return {};
  struct stat status {};
  std::vector<std::byte> head(kHead);
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const ssize_t got = is_file ? ::read(descriptor, head.data(), head.size()) : -1;
  ::close(descriptor);
  if (got < 0) return {};
  head.resize(size_t(got));
  CacheFile file;
  file.path = path;
  file.size_bytes = status.st_size;
  file.used = status.st_mtim.tv_sec;
  if (const auto header = read_header(head, uint64_t(status.st_size))) {
    file.readable = true;
    file.description = read_description(*header, head);
  }
  return file;
}

std::vector<fs::path> files_of(const fs::path& folder, const char* suffix) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().ends_with(suffix)) files.push_back(it->path());
  }
  return files;
}

}  // namespace

fs::path default_cache_folder() {
  if (const char* folder = std::getenv("WEFT_CACHE_DIR"); folder && *folder) return folder;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return fs::path(xdg) / "weft";
  if (const char* home = std::getenv("HOME"); home && *home)
    return fs::path(home) / ".cache" / "weft";
  return {};
}

Result<int64_t> parse_cache_limit(const std::string& text) {
  if (text == "none") return kNoCacheLimit;
  int64_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  const std::string unit(end, last);
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (error != std::errc() || count < 0 || shift < 0 || count > (kNoCacheLimit >> shift))
    return Error{"'" + text + "' is no size; 500M, 8G and none are", ErrorKind::usage};
  return count << shift;
}

int64_t default_cache_limit() {
  const char* text = std::getenv("WEFT_CACHE_LIMIT");
  if (!text || !*text) return kDefaultCacheLimit;
  const auto limit = parse_cache_limit(text);
  if (limit.ok()) return *limit;
  log::warn("WEFT_CACHE_LIMIT: {}", limit.error().message);
  return kDefaultCacheLimit;
}

std::vector<CacheFile> list_cache(const fs::path& folder) {
  std::vector<CacheFile> files;
  for (const fs::path& path : files_of(folder, kCacheSuffix)) {
    if (auto file = read_file(path)) files.push_back(std::move(*file));
  }
  std::sort(files.begin(), files.end(), [](const CacheFile& a, const CacheFile& b) {
    return a.used != b.used ? a.used > b.used : a.path < b.path;
  });
  return files;
}

std::vector<fs::path> leftovers(const fs::path& folder) {
  std::vector<fs::path> old;
  for (const fs::path& path : files_of(folder, ".partial")) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;
    if (status.st_mtim.tv_sec + kLeftoverAge < int64_t(std::time(nullptr))) old.push_back(path);
  }
  return old;
}

void trim_cache(const fs::path& folder, int64_t limit,
                const std::function<bool(const fs::path&)>& in_use) {
  std::error_code ignored;
  for (const fs::path& path : leftovers(folder)) fs::remove(path, ignored);
  std::vector<CacheFile> files = list_cache(folder);
  int64_t total = 0;
  for (const CacheFile& file : files) total += file.size_bytes;
  for (size_t i = files.size(); i-- > 0 && total > limit;) {
    if (in_use(files[i].path) || !fs::remove(files[i].path, ignored)) continue;
    total -= files[i].size_bytes;
  }
}

}  // namespace weft::runtime
