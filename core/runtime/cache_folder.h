// The folder of the preparation cache as a whole: what is in it, and what goes when it is full.
//
// Entries go in the order of their last use, the oldest first. An entry that this process uses
// stays whatever the limit says. Removing one that another process has mapped is safe: the mapping
// keeps the bytes, and the other process files it anew at its next start. Threads and processes:
// any number at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/runtime/cache_entry.h"

namespace weft::runtime {

constexpr int64_t kDefaultCacheLimit = int64_t{4} << 30;  // bytes
constexpr int64_t kNoCacheLimit = INT64_MAX;

// $WEFT_CACHE_DIR, else $XDG_CACHE_HOME/weft, else ~/.cache/weft; empty when none can be named.
std::filesystem::path default_cache_folder();
// $WEFT_CACHE_LIMIT, "500M", "8G" or "none"; kDefaultCacheLimit where it is not set or not
// understood (a warning says so).
int64_t default_cache_limit();
// Bytes of "123", "12K", "500M", "8G", or kNoCacheLimit of "none".
Result<int64_t> parse_cache_limit(const std::string& text);

struct CacheFile {
  std::filesystem::path path;
  int64_t size_bytes = 0;
  int64_t used = 0;       // seconds since 1970, of the last use
  bool readable = false;  // else damaged, or of another version: nobody will use it
  CacheDescription description;
};
// The entries of a folder, last used first. What cannot be read is left out.
std::vector<CacheFile> list_cache(const std::filesystem::path& folder);

// Files that are left of processes that were killed while they wrote an entry.
std::vector<std::filesystem::path> leftovers(const std::filesystem::path& folder);

// Removes entries until the rest is at most `limit` bytes, and leftovers; `in_use` keeps an entry.
void trim_cache(const std::filesystem::path& folder, int64_t limit,
                const std::function<bool(const std::filesystem::path&)>& in_use);

}  // namespace weft::runtime
