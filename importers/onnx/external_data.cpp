// Checks and maps external tensor data; see external_data.h.
#include "importers/onnx/external_data.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/base/content_hash.h"
#include "core/base/hash.h"

namespace weft::onnx {

namespace fs = std::filesystem;

namespace {

struct Place {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

Result<uint64_t> number(const std::string& text, const char* what) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return Error(std::string(what) + " '" + text + "' is not a number of bytes");
  return value;
}

Result<Place> place_of(const ::onnx::TensorProto& tensor) {
  Place place;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") place.location = entry.value();
    if (entry.key() == "offset") place.offset = TRY(number(entry.value(), "offset"));
    if (entry.key() == "length") place.length = TRY(number(entry.value(), "length"));
  }
  if (place.location.empty()) return Error("its external data names no file");
  return place;
}

// Whether `path` lies below `folder`; both are canonical.
bool is_below(const fs::path& path, const fs::path& folder) {
  auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end() && rest != path.end();
}

Hash128 content_id(const Hash128& file, uint64_t offset, uint64_t length) {
  const uint64_t key[] = {file[0], file[1], offset, length};
  return hash128(std::as_bytes(std::span(key)));
}

Hash128 identity_hash(const FileIdentity& file) {
  const uint64_t key[] = {file.device, file.inode, file.size, uint64_t(file.modified_ns),
                          uint64_t(file.changed_ns)};
  return hash128(std::as_bytes(std::span(key)));
}

// "file 'weights.bin', offset 4096, length 100, expected 128 bytes"
std::string describe(const Place& place, int64_t expected) {
  std::string length = place.length ? std::to_string(*place.length) : "not given";
  return "file '" + place.location + "', offset " + std::to_string(place.offset) + ", length " +
         length + ", expected " + std::to_string(expected) + " bytes";
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> ExternalFiles::file(const std::string& location) {
  if (auto it = files_.find(location); it != files_.end()) return it->second;
  if (folder_.empty()) return Error("a model without a folder cannot have external data");
  if (location.find('\0') != std::string::npos) return Error("the file name holds a zero byte");
  fs::path relative(location);
  if (relative.is_absolute())
    return Error("the file name is absolute; external data must lie in the model's folder");
  for (const fs::path& part : relative)
    if (part == "..")
      return Error("the file name leaves the model's folder with '..', which is refused");
  std::error_code error;
  fs::path folder = fs::canonical(folder_, error);
  if (error) return Error("the model's folder '" + folder_.string() + "' cannot be resolved");
  fs::path path = fs::canonical(folder / relative, error);
  if (error)
    return Error("the file is missing from '" + folder.string() + "' (" + error.message() +
                 "); a model and its data files must stay together");
  if (!is_below(path, folder))
    return Error("the file is a link to '" + path.string() +
                 "' outside the model's folder, which is refused; copy it into the folder");
  std::shared_ptr<const MappedFile> mapped = TRY(MappedFile::open(path));
  files_.emplace(location, mapped);
  return mapped;
}

Hash128 ExternalFiles::id_of(const MappedFile& file) {
  const auto [entry, fresh] = ids_.try_emplace(&file);
  if (fresh) {
    entry->second = content_memory_.empty() ? identity_hash(file.identity())
                                            : content_hash(file, content_memory_);
  }
  return entry->second;
}

Status ExternalFiles::take(const MappedFile& file, uint64_t offset, uint64_t length,
                           const std::string& tensor) {
  if (length == 0) return {};
  const uint64_t end = offset + length;
  TakenRanges& ranges = taken_[{file.identity().device, file.identity().inode}];
  auto next = ranges.lower_bound(offset);
  if (next != ranges.end() && next->first == offset && next->second.end == end) return {};
  if (next != ranges.begin() && std::prev(next)->second.end > offset) --next;
  if (next != ranges.end() && next->first < end) {
    return Error("it shares some but not all of its bytes with tensor '" + next->second.tensor +
                 "' (bytes " + std::to_string(next->first) + " to " +
                 std::to_string(next->second.end) + "); the offsets are wrong, export it again");
  }
  ranges.emplace_hint(next, offset, Taken{end, tensor});
  return {};
}

Result<std::shared_ptr<const ir::Constant>> ExternalFiles::read(const ::onnx::TensorProto& tensor,
                                                                int64_t expected,
                                                                size_t alignment) {
  std::string who = "tensor '" + tensor.name() + "'";
  Place place = TRY(place_of(tensor), who);
  std::string where = who + ", external data (" + describe(place, expected) + ")";
  std::shared_ptr<const MappedFile> mapped = TRY(file(place.location), where);
  uint64_t length = place.length.value_or(uint64_t(expected));
  if (length != uint64_t(expected))
    return Error(where + ": the length does not match the tensor's shape and type");
  uint64_t size = mapped->identity().size;
  if (place.offset > size || length > size - place.offset)
    return Error(where + ": the file has only " + std::to_string(size) +
                 " bytes; it is incomplete or belongs to another model");
  TRY(take(*mapped, place.offset, length, tensor.name()), where);
  auto constant = std::make_shared<ir::Constant>();
  constant->content_id = content_id(id_of(*mapped), place.offset, length);
  std::span<const std::byte> bytes = mapped->bytes().subspan(place.offset, length);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment == 0) {
    constant->bytes = bytes;
    constant->owner = mapped;
  } else {
    auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
    constant->bytes = *copy;
    constant->owner = copy;
  }
  return std::shared_ptr<const ir::Constant>(constant);
}

}  // namespace weft::onnx
