// The preparation cache: what plugins made of a model at the first start, mapped at the second.
//
//   key    fingerprint of the island, its constants and options, the plugin and its driver
//   entry  <folder>/<key>.weftblob:  header (64 bytes: magic, version, size, checksum) | payload
//
// The host owns the cache; plugins only write their blob through program_save and read it back at
// compile. An entry whose header, size or checksum does not hold is not used and is written anew.
// An entry appears under its name only when it is whole (written aside, then renamed).
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

namespace weft::runtime {

// A mapped entry. `bytes` is 64-byte aligned and lives as long as `owner`.
struct CachedBlob {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// $WEFT_CACHE_DIR, else $XDG_CACHE_HOME/weft, else ~/.cache/weft; empty when none can be named.
std::filesystem::path default_cache_folder();

class ProgramCache {
 public:
  // An empty folder makes a cache that finds and stores nothing.
  explicit ProgramCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::optional<CachedBlob> find(const Hash128& key) const;

  using Sink = std::function<Status(std::span<const std::byte>)>;
  // Calls `write` with a sink for the payload and files the result under `key`. Fails when `write`
  // does, or when the disk refuses (full, not writable); then no entry and no temporary file is
  // left.
  Status store(const Hash128& key, const std::function<Status(const Sink&)>& write) const;

  bool enabled() const { return !folder_.empty(); }

 private:
  std::filesystem::path path_of(const Hash128& key) const;
  std::filesystem::path folder_;
};

}  // namespace weft::runtime
