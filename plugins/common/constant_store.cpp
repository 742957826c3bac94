// Sharing by content, and the blob format; see constant_store.h.
#include "plugins/common/constant_store.h"

#include <cstdlib>
#include <cstring>

namespace weft::common {

using plugin::Failure;
using plugin::text;

namespace {

constexpr uint64_t kMagic = 0x4B434150'54464557;  // "WEFTPACK"
// Raised whenever a packed layout of any backend changes.
constexpr uint32_t kLayoutVersion = 1;

struct Header {
  uint64_t magic;
  uint32_t version;
  uint32_t count;
  uint64_t size;  // of the whole blob
  uint64_t reserved;
};
struct Entry {
  ConstantKey key;
  uint64_t offset;
  uint64_t size;
};

uint64_t align64(uint64_t n) { return (n + 63) & ~uint64_t{63}; }

}  // namespace

StoredConstant::~StoredConstant() {
  if (owned) std::free(data);
}

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t h = a * 0x9E3779B97F4A7C15u ^ (b + 0x7F4A7C15u + (a << 6) + (a >> 2));
  h ^= h >> 29;
  h *= 0xBF58476D1CE4E5B9u;
  return h ^ (h >> 32);
}

std::array<uint64_t, 2> hash_of(const void* data, uint64_t size) {
  std::array<uint64_t, 2> hash = {size, ~size};
  const char* bytes = static_cast<const char*>(data);
  for (uint64_t i = 0; i < size; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<uint64_t>(8, size - i));
    hash[0] = mix(hash[0], word);
    hash[1] = mix(hash[1] + 1, word ^ 0x5851F42D4C957F2Du);
  }
  return hash;
}

std::array<uint64_t, 2> content_id(const weft_value& value) {
  if (value.content_id[0] || value.content_id[1]) return {value.content_id[0], value.content_id[1]};
  return hash_of(value.data, value.data_size);
}

ConstantRef ConstantPool::get(const ConstantKey& key, uint64_t size,
                              const std::function<void(char*)>& fill) {
  return live_.get(key, [&] {
    auto fresh = std::make_shared<StoredConstant>();
    fresh->data = static_cast<char*>(std::aligned_alloc(64, align64(std::max<uint64_t>(size, 1))));
    if (!fresh->data) throw std::bad_alloc();
    fresh->owned = true;
    fresh->key = key;
    fresh->size = size;
    fill(fresh->data);
    return fresh;
  });
}

ConstantStore::ConstantStore(ConstantPool& pool, const void* blob, uint64_t blob_size)
    : pool_(pool) {
  if (!blob) return;
  if (check_blob(blob, blob_size) != WEFT_BLOB_OPTIMAL)
    throw Failure(WEFT_E_STALE_BLOB, "the blob was not written by this version of the plugin");
  Header header;
  std::memcpy(&header, blob, sizeof header);
  const char* base = static_cast<const char*>(blob);
  if (header.size != blob_size || header.count > (blob_size - sizeof header) / sizeof(Entry))
    throw Failure(WEFT_E_STALE_BLOB, text("the blob has %llu bytes where its header says %llu",
                                          static_cast<unsigned long long>(blob_size),
                                          static_cast<unsigned long long>(header.size)));
  for (uint32_t i = 0; i < header.count; i++) {
    Entry entry;
    std::memcpy(&entry, base + sizeof header + i * sizeof entry, sizeof entry);
    if (entry.offset % 64 || entry.offset > blob_size || entry.size > blob_size - entry.offset)
      throw Failure(WEFT_E_STALE_BLOB, "an entry of the blob lies outside it");
    entries_[entry.key] = {base + entry.offset, entry.size};
  }
  from_blob_ = true;
}

const char* ConstantStore::get(const ConstantKey& key, uint64_t size,
                               const std::function<void(char*)>& fill) {
  if (const auto seen = seen_.find(key); seen != seen_.end()) return seen->second;
  ConstantRef constant;
  if (from_blob_) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end() || entry->second.second != size)
      throw Failure(WEFT_E_STALE_BLOB, "the blob lacks a constant of this graph");
    auto mapped = std::make_shared<StoredConstant>();
    mapped->key = key;
    mapped->data = const_cast<char*>(entry->second.first);
    mapped->size = size;
    constant = mapped;
  } else {
    constant = pool_.get(key, size, fill);
  }
  held_.push_back(constant);
  seen_[key] = constant->data;
  return constant->data;
}

void save_blob(const std::vector<ConstantRef>& constants, const weft_writer& writer) {
  const auto write = [&](const void* bytes, uint64_t size) {
    const weft_status status = writer.write(writer.ctx, bytes, size);
    if (status < 0) throw Failure(status, "the host's writer refused the blob");
  };
  std::vector<Entry> entries;
  uint64_t offset = align64(sizeof(Header) + constants.size() * sizeof(Entry));
  const uint64_t start = offset;
  for (const ConstantRef& c : constants) {
    entries.push_back({c->key, offset, c->size});
    offset += align64(c->size);
  }
  const Header header = {kMagic, kLayoutVersion, uint32_t(constants.size()), offset, 0};
  const char zeros[64] = {};
  write(&header, sizeof header);
  if (!entries.empty()) write(entries.data(), entries.size() * sizeof(Entry));
  write(zeros, start - sizeof header - entries.size() * sizeof(Entry));
  for (const ConstantRef& c : constants) {
    write(c->data, c->size);
    write(zeros, align64(c->size) - c->size);
  }
}

uint32_t check_blob(const void* head, uint64_t size) {
  Header header;
  if (!head || size < sizeof header) return WEFT_BLOB_FOREIGN;
  std::memcpy(&header, head, sizeof header);
  if (header.magic != kMagic) return WEFT_BLOB_FOREIGN;
  return header.version == kLayoutVersion ? WEFT_BLOB_OPTIMAL : WEFT_BLOB_STALE;
}

}  // namespace weft::common
