// Maps files with mmap(2); see mapped_file.h.
#include "core/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace weft {

// Every mapping there is, so that pages can be given back while others read.
struct Mappings {
  std::mutex mutex;
  std::map<const std::byte*, size_t> all;
};

static Mappings& mappings() {
  static auto* const instance = new Mappings;  // outlives every static that holds a file
  return *instance;
}

static Error failure(const std::filesystem::path& path, const char* what, int code) {
  return Error("'" + path.string() + "' " + what + ": " + std::strerror(code));
}

static int64_t nanoseconds(const timespec& time) {
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

static const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failure(path, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    int code = errno;
    ::close(descriptor);
    return failure(path, "cannot be examined", code);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return Error("'" + path.string() + "' is " + kind_of(status.st_mode) + ", not a file");
  }
  void* data = nullptr;
  int code = 0;
  if (status.st_size > 0) {
    data = ::mmap(nullptr, size_t(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) code = errno;
  }
  ::close(descriptor);
  if (code != 0) return failure(path, "cannot be mapped into memory", code);
  if (data) {
    const std::lock_guard lock(mappings().mutex);
    mappings().all.emplace(static_cast<const std::byte*>(data), size_t(status.st_size));
  }
  FileIdentity identity{uint64_t(status.st_dev), uint64_t(status.st_ino), uint64_t(status.st_size),
                        nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<const std::byte*>(data), identity));
}

MappedFile::~MappedFile() {
  if (!data_) return;
  const std::lock_guard lock(mappings().mutex);
  mappings().all.erase(data_);
  ::munmap(const_cast<std::byte*>(data_), size_t(identity_.size));
}

void MappedFile::release_pages() {
  const std::lock_guard lock(mappings().mutex);
  for (const auto& [data, size] : mappings().all)
    ::madvise(const_cast<std::byte*>(data), size, MADV_DONTNEED);
}

}  // namespace weft
