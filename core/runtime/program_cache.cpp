#include "core/runtime/program_cache.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/mapped_file.h"

namespace weft::runtime {

namespace {

constexpr std::array<char, 8> kMagic = {'W', 'E', 'F', 'T', 'B', 'L', 'O', 'B'};
constexpr uint32_t kVersion = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t reserved = 0;
  uint64_t payload_bytes = 0;
  Hash128 checksum{};
  std::array<std::byte, 24> padding{};
};
static_assert(sizeof(Header) == 64);

Error disk_error(const std::filesystem::path& path) {
  return Error{"cannot write the cache entry " + path.string() + ": " + std::strerror(errno),
               ErrorKind::check_failed};
}

// A file of a new name that removes itself unless it is kept.
class PartialFile {
 public:
  // The name is `stem`, six characters that no other file has, and ".partial": a file that a killed
  // process left behind is in nobody's way.
  explicit PartialFile(const std::filesystem::path& stem)
      : path_(stem.string() + ".XXXXXX.partial"),
        fd_(::mkostemps(path_.data(), int(std::strlen(".partial")), O_CLOEXEC)) {}
  ~PartialFile() {
    if (fd_ >= 0) ::close(fd_);
    if (fd_ >= 0 && !kept_) ::unlink(path_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }

  Status write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return disk_error(path_);
      bytes = bytes.subspan(size_t(written));
    }
    return {};
  }

  // Rewrites the header and gives the file its name.
  Status keep(const Header& header, const std::filesystem::path& name) {
    if (::pwrite(fd_, &header, sizeof header, 0) != ssize_t(sizeof header))
      return disk_error(path_);
    if (::rename(path_.c_str(), name.c_str()) != 0) return disk_error(name);
    kept_ = true;
    return {};
  }

 private:
  std::string path_;
  int fd_;
  bool kept_ = false;
};

}  // namespace

std::filesystem::path default_cache_folder() {
  if (const char* folder = std::getenv("WEFT_CACHE_DIR"); folder && *folder) return folder;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) {
    return std::filesystem::path(xdg) / "weft";
  }
  if (const char* home = std::getenv("HOME"); home && *home) {
    return std::filesystem::path(home) / ".cache" / "weft";
  }
  return {};
}

std::filesystem::path ProgramCache::path_of(const Hash128& key) const {
  return folder_ / (hex(key) + ".weftblob");
}

std::optional<CachedBlob> ProgramCache::find(const Hash128& key) const {
  if (!enabled()) return {};
  auto file = MappedFile::open(path_of(key));
  if (!file.ok()) return {};
  const std::span<const std::byte> bytes = (*file)->bytes();
  Header header;
  if (bytes.size() < sizeof header) return {};
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto payload = bytes.subspan(sizeof header);
  const Header fresh;
  const bool known = header.magic == fresh.magic && header.version == fresh.version &&
                     header.reserved == fresh.reserved && header.padding == fresh.padding;
  const bool whole =
      known && header.payload_bytes == payload.size() && hash128(payload) == header.checksum;
  if (!whole) return {};
  return CachedBlob{payload, *file};
}

Status ProgramCache::store(const Hash128& key,
                           const std::function<Status(const Sink&)>& write) const {
  if (!enabled()) return {};
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) {
    return Error{"cannot make the cache folder " + folder_.string() + ": " + error.message(),
                 ErrorKind::check_failed};
  }
  PartialFile file(folder_ / hex(key));
  if (!file.is_open()) return disk_error(file.path());
  Header header;
  TRY(file.write(std::as_bytes(std::span(&header, 1))));
  XXH3_state_t* state = XXH3_createState();
  XXH3_128bits_reset(state);
  const Status written = write([&](std::span<const std::byte> bytes) -> Status {
    XXH3_128bits_update(state, bytes.data(), bytes.size());
    header.payload_bytes += bytes.size();
    return file.write(bytes);
  });
  const XXH128_hash_t checksum = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  if (!written.ok()) return written;
  header.checksum = {checksum.low64, checksum.high64};
  return file.keep(header, path_of(key));
}

}  // namespace weft::runtime
