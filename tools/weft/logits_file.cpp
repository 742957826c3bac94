#include "tools/weft/logits_file.h"

#include <array>
#include <cstring>
#include <fstream>
#include <string>

namespace weft::cli {

namespace {

constexpr std::string_view kMagic = "WEFTLGT1";
constexpr size_t kHeader = 64;

struct Header {
  char magic[8];
  int64_t vocabulary, window, windows;
  uint64_t ids[2];
  uint64_t zero[2];
};
static_assert(sizeof(Header) == kHeader);

Error usage(const std::filesystem::path& path, const std::string& what) {
  return Error{path.string() + " " + what, ErrorKind::usage};
}

std::string mib(int64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

// Whether the shape describes a file of `size` bytes, without a product that could overflow.
bool describes(const LogitsShape& shape, uint64_t size) {
  if (shape.vocabulary < 1 || shape.window < 2 || shape.windows < 1) return false;
  int64_t rows = 0, values = 0, bytes = 0;
  return !__builtin_mul_overflow(shape.windows, shape.window - 1, &rows) &&
         !__builtin_mul_overflow(rows, shape.vocabulary, &values) &&
         !__builtin_mul_overflow(values, int64_t(sizeof(float)), &bytes) &&
         uint64_t(bytes) == size - kHeader;
}

}  // namespace

bool is_logits_file(const std::filesystem::path& path) {
  std::array<char, kMagic.size()> begin{};
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream in(path, std::ios::binary);
  in.read(begin.data(), begin.size());
  return in && std::string_view(begin.data(), begin.size()) == kMagic;
}

Result<LogitsFile> LogitsFile::open(const std::filesystem::path& path) {
  LogitsFile out;
  auto mapped = MappedFile::open(path);
  if (!mapped.ok()) return Error{mapped.error().message, ErrorKind::usage};
  out.file_ = std::move(*mapped);
  const auto bytes = out.file_->bytes();
  Header header{};
  if (bytes.size() >= kHeader) std::memcpy(&header, bytes.data(), kHeader);
  if (std::string_view(header.magic, kMagic.size()) != kMagic) {
    return usage(path, "is not a file of logits; `weft eval --save-logits` writes them");
  }
  out.shape_ = {header.vocabulary, header.window, header.windows, {header.ids[0], header.ids[1]}};
  if (!describes(out.shape_, bytes.size())) {
    return usage(path, "is damaged: its " + std::to_string(bytes.size()) +
                           " bytes are not what its header says (" +
                           std::to_string(header.windows) + " windows of " +
                           std::to_string(header.window) + " tokens, vocabulary " +
                           std::to_string(header.vocabulary) + "); write it again");
  }
  return out;
}

std::span<const float> LogitsFile::row(int64_t index) const {
  const auto* values = reinterpret_cast<const float*>(file_->bytes().data() + kHeader);
  return {values + index * shape_.vocabulary, size_t(shape_.vocabulary)};
}

Result<LogitsWriter> LogitsWriter::create(const std::filesystem::path& path,
                                          const LogitsShape& shape) {
  std::error_code error;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const auto space = std::filesystem::space(folder, error);
  if (!error && space.available < uint64_t(shape.file_bytes())) {
    return Error{"the logits take " + mib(shape.file_bytes()) + ", but the disk of " +
                     path.string() + " has " + mib(int64_t(space.available)) +
                     " left; fewer --windows take less",
                 ErrorKind::usage};
  }
  NewFile file = TRY(NewFile::create(path, ErrorKind::usage));
  Header header{{}, shape.vocabulary, shape.window, shape.windows, {shape.ids[0], shape.ids[1]},
                {}};
  std::memcpy(header.magic, kMagic.data(), kMagic.size());
  TRY(file.write(std::as_bytes(std::span(&header, 1))));
  return LogitsWriter(std::move(file));
}

}  // namespace weft::cli
