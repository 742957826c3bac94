#include "core/base/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace weft {

namespace {

constexpr size_t kBuffer = 1 << 16;  // bytes; larger writes are not collected

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(size_t(written));
  }
  return true;
}

}  // namespace

Error NewFile::failed() const {
  return Error{"cannot write " + path_.string() + ": " + std::strerror(errno), kind_};
}

Result<NewFile> NewFile::create(const std::filesystem::path& path, ErrorKind kind) {
  NewFile out(path, kind);
  // What a killed process of the same number left behind is passed by.
  for (uint64_t attempt = 0; attempt < 1000 && out.descriptor_ < 0; ++attempt) {
    out.partial_ =
        path.string() + "." + std::to_string(uint64_t(::getpid()) + (attempt << 32)) + ".partial";
    out.descriptor_ = ::open(out.partial_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (out.descriptor_ < 0 && errno != EEXIST) break;
  }
  if (out.descriptor_ < 0) return out.failed();
  return out;
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::move(other.partial_)),
      kind_(other.kind_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      buffer_(std::move(other.buffer_)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(partial_.c_str());
}

Status NewFile::flush() {
  if (!write_all(descriptor_, buffer_)) return failed();
  buffer_.clear();
  return {};
}

Status NewFile::write(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  if (buffer_.size() + bytes.size() > kBuffer) TRY(flush());
  if (bytes.size() <= kBuffer) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  } else if (!write_all(descriptor_, bytes)) {
    return failed();
  }
  return {};
}

Status NewFile::rewrite(uint64_t offset, std::span<const std::byte> bytes) {
  TRY(flush());
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), off_t(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed();
    bytes = bytes.subspan(size_t(written));
    offset += uint64_t(written);
  }
  return {};
}

Status NewFile::sync() {
  TRY(flush());
  // Pipes and some file systems cannot; what they hold is as safe as they make it.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) return failed();
  return {};
}

Status NewFile::finish() {
  TRY(sync());
  return finish_unsynced();
}

Status NewFile::finish_unsynced() {
  TRY(flush());
  if (::rename(partial_.c_str(), path_.c_str()) != 0) return failed();
  ::close(std::exchange(descriptor_, -1));
  return {};
}

}  // namespace weft
