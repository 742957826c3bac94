// A file of the preparation cache:
//
//   <key>.weftblob:   header, 64 bytes | description | zeros up to a multiple of 64 | payload
//
// The description says whose entry it is, as lines of text, for people who look at the cache. The
// header's checksums cover every byte of the file.
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "core/base/hash.h"

namespace weft::runtime {

constexpr const char* kCacheSuffix = ".weftblob";

struct CacheDescription {
  std::string model;    // as the caller named it; may be empty
  std::string plugin;   // name and build
  std::string device;   // name and driver
  int64_t nodes = 0;    // of the island
  int64_t created = 0;  // seconds since 1970
};
// Lines "name=value"; what would end a line early is a space.
std::string text_of(const CacheDescription& description);
CacheDescription parse_description(std::string_view text);

struct CacheHeader {
  char magic[8];
  uint32_t version;
  uint32_t description_bytes;
  uint64_t payload_bytes;
  Hash128 key;
  Hash128 body_check;     // of all that follows the header
  uint64_t header_check;  // of the fields above
};
static_assert(sizeof(CacheHeader) == 64);

// The header of an entry whose body has been hashed.
CacheHeader make_header(const Hash128& key, uint64_t description_bytes, uint64_t payload_bytes,
                        const Hash128& body_check);
// Where the payload begins in the file.
uint64_t payload_offset(uint64_t description_bytes);

// The header at the start of `file`, when it is one of this version and `file_bytes` is the length
// it speaks of; else nothing.
std::optional<CacheHeader> read_header(std::span<const std::byte> file, uint64_t file_bytes);
// The description, of a file whose header was read; not checked.
CacheDescription read_description(const CacheHeader& header, std::span<const std::byte> file);
// The payload, when the entry is whole and is that of `key`; else nothing.
std::optional<std::span<const std::byte>> read_payload(const Hash128& key,
                                                       std::span<const std::byte> file);

}  // namespace weft::runtime
