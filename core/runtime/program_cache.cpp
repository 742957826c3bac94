#include "core/runtime/program_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <cstring>
#include <ctime>
#include <mutex>
#include <set>

#include "core/base/mapped_file.h"
#include "core/base/new_file.h"

namespace weft::runtime {

namespace {

// Entries of this process that must not go: those it maps, and those it filed, which its next
// start will want together.
class InUse {
 public:
  void add(const std::filesystem::path& path) {
    const std::lock_guard lock(mutex_);
    paths_.insert(path.string());
  }
  void remove(const std::filesystem::path& path) {
    const std::lock_guard lock(mutex_);
    if (const auto found = paths_.find(path.string()); found != paths_.end()) paths_.erase(found);
  }
  bool holds(const std::filesystem::path& path) {
    const std::lock_guard lock(mutex_);
    return paths_.contains(path.string());
  }

 private:
  std::mutex mutex_;
  std::multiset<std::string> paths_;
};

InUse& in_use() {
  static InUse& instance = *new InUse;
  return instance;
}

// A mapped entry, which stays in the folder for as long as this does.
struct Held {
  Held(std::shared_ptr<const MappedFile> mapped, std::filesystem::path at)
      : file(std::move(mapped)), path(std::move(at)) {
    in_use().add(path);
  }
  ~Held() { in_use().remove(path); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  std::shared_ptr<const MappedFile> file;
  std::filesystem::path path;
};

// The checksum of what follows a header, as it is written.
class BodyHash {
 public:
  BodyHash() : state_(XXH3_createState()) { XXH3_128bits_reset(state_); }
  ~BodyHash() { XXH3_freeState(state_); }
  BodyHash(const BodyHash&) = delete;
  BodyHash& operator=(const BodyHash&) = delete;

  void add(std::span<const std::byte> bytes) {
    XXH3_128bits_update(state_, bytes.data(), bytes.size());
  }
  Hash128 result() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_);
    return {hash.low64, hash.high64};
  }

 private:
  XXH3_state_t* state_;
};

}  // namespace

std::filesystem::path ProgramCache::path_of(const Hash128& key) const {
  return folder_ / (hex(key) + kCacheSuffix);
}

std::optional<CachedBlob> ProgramCache::find(const Hash128& key) const {
  if (!enabled()) return {};
  const std::filesystem::path path = path_of(key);
  auto file = MappedFile::open(path);
  if (!file.ok()) return {};
  const auto payload = read_payload(key, (*file)->bytes());
  if (!payload) return {};
  // A folder that cannot be written forgets when its entries were used, and no more.
  const timespec times[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
  (void)::utimensat(AT_FDCWD, path.c_str(), times, 0);
  return CachedBlob{*payload, std::make_shared<Held>(*file, path)};
}

Status ProgramCache::store(const Hash128& key, const std::function<Status(const Sink&)>& write,
                           CacheDescription description) const {
  if (!enabled()) return {};
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) {
    return Error{"cannot make the cache folder " + folder_.string() + ": " + error.message(),
                 ErrorKind::check_failed};
  }
  const std::filesystem::path path = path_of(key);
  NewFile file = TRY(NewFile::create(path, ErrorKind::check_failed));
  description.model = model_;
  description.created = int64_t(std::time(nullptr));
  const std::string text = text_of(description);
  const CacheHeader room{};
  TRY(file.write(std::as_bytes(std::span(&room, 1))));
  BodyHash body;
  const auto put = [&](std::span<const std::byte> bytes) -> Status {
    body.add(bytes);
    if (int64_t(file.size_bytes() + bytes.size()) > limit_) {
      return Error{"what " + path.string() + " would hold is more than the cache's limit of " +
                       std::to_string(limit_ >> 20) + " MiB (WEFT_CACHE_LIMIT)",
                   ErrorKind::check_failed};
    }
    return file.write(bytes);
  };
  const std::string padded =
      text + std::string(payload_offset(text.size()) - sizeof room - text.size(), '\0');
  TRY(put(std::as_bytes(std::span(padded))));
  const uint64_t start = file.size_bytes();
  TRY(write(put));
  const CacheHeader header =
      make_header(key, text.size(), file.size_bytes() - start, body.result());
  TRY(file.rewrite(0, std::as_bytes(std::span(&header, 1))));
  // An entry that the disk lost is seen by its checksums.
  TRY(file.finish_unsynced());
  in_use().add(path);
  trim_cache(folder_, limit_, [](const auto& one) { return in_use().holds(one); });
  return {};
}

}  // namespace weft::runtime
