#include "core/runtime/cache_entry.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace weft::runtime {

namespace {

constexpr char kMagic[8] = {'W', 'E', 'F', 'T', 'B', 'L', 'O', 'B'};
constexpr uint32_t kVersion = 2;
constexpr uint64_t kAlignment = 64;

uint64_t check_of(const CacheHeader& header) {
  const auto bytes = std::as_bytes(std::span(&header, 1));
  return hash128(bytes.first(offsetof(CacheHeader, header_check)))[0];
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

int64_t number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string text_of(const CacheDescription& description) {
  return "model=" + one_line(description.model) + "\nplugin=" + one_line(description.plugin) +
         "\ndevice=" + one_line(description.device) +
         "\nnodes=" + std::to_string(description.nodes) +
         "\ncreated=" + std::to_string(description.created) + "\n";
}

CacheDescription parse_description(std::string_view text) {
  CacheDescription out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
    if (name == "model") out.model = value;
    if (name == "plugin") out.plugin = value;
    if (name == "device") out.device = value;
    if (name == "nodes") out.nodes = number(value);
    if (name == "created") out.created = number(value);
  }
  return out;
}

CacheHeader make_header(const Hash128& key, uint64_t description_bytes, uint64_t payload_bytes,
                        const Hash128& body_check) {
  CacheHeader header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.description_bytes = uint32_t(description_bytes);
  header.payload_bytes = payload_bytes;
  header.key = key;
  header.body_check = body_check;
  header.header_check = check_of(header);
  return header;
}

uint64_t payload_offset(uint64_t description_bytes) {
  return sizeof(CacheHeader) + (description_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::optional<CacheHeader> read_header(std::span<const std::byte> file, uint64_t file_bytes) {
  CacheHeader header;
  if (file.size() < sizeof header) return {};
  std::memcpy(&header, file.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.version != kVersion)
    return {};
  if (header.header_check != check_of(header)) return {};
  const uint64_t start = payload_offset(header.description_bytes);
  if (start > file_bytes || file_bytes - start != header.payload_bytes) return {};
  return header;
}

CacheDescription read_description(const CacheHeader& header, std::span<const std::byte> file) {
  const auto text = file.subspan(std::min(file.size(), sizeof header));
  const size_t size = std::min<size_t>(text.size(), header.description_bytes);
  return parse_description({reinterpret_cast<const char*>(text.data()), size});
}

std::optional<std::span<const std::byte>> read_payload(const Hash128& key,
                                                       std::span<const std::byte> file) {
  const auto header = read_header(file, file.size());
  if (!header || header->key != key) return {};
  if (hash128(file.subspan(sizeof *header)) != header->body_check) return {};
  return file.subspan(payload_offset(header->description_bytes));
}

}  // namespace weft::runtime
