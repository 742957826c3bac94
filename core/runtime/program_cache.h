// The preparation cache: what plugins made of a model at the first start, mapped at the second.
//
//   key    fingerprint of the island, its constants and options, the plugin's file and its driver
//   entry  <folder>/<key>.weftblob (cache_entry.h)
//
// The host owns the cache; plugins only write their blob through program_save and read it back at
// compile. An entry whose key, size or checksums do not hold is not used and is written anew. An
// entry appears under its name only when it is whole (written aside, then renamed). Each use is
// noted as the file's time of modification; what was used least recently goes when there is more
// than the limit (cache_folder.h).
//
// Threads and processes: any number may find and store at once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/runtime/cache_folder.h"

namespace weft::runtime {

// A mapped entry. `bytes` is 64-byte aligned and lives as long as `owner`.
struct CachedBlob {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

class ProgramCache {
 public:
  // An empty folder makes a cache that finds and stores nothing. `model` is what entries are listed
  // under; `limit` is in bytes.
  explicit ProgramCache(std::filesystem::path folder, int64_t limit = kDefaultCacheLimit,
                        std::string model = {})
      : folder_(std::move(folder)), limit_(limit), model_(std::move(model)) {}

  std::optional<CachedBlob> find(const Hash128& key) const;

  using Sink = std::function<Status(std::span<const std::byte>)>;
  // Calls `write` with a sink for the payload and files the result under `key`. Fails when `write`
  // does, when the disk refuses (full, not writable), or when the entry alone is more than the
  // limit; then no entry and no temporary file is left. Others go to make room, but none that this
  // process has found or stored and still uses.
  Status store(const Hash128& key, const std::function<Status(const Sink&)>& write,
               CacheDescription description = {}) const;

  bool enabled() const { return !folder_.empty(); }

 private:
  std::filesystem::path path_of(const Hash128& key) const;
  std::filesystem::path folder_;
  int64_t limit_;
  std::string model_;
};

}  // namespace weft::runtime
