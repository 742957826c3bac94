#include "core/base/content_hash.h"

#include <cstring>

#include "core/base/new_file.h"

namespace weft {

namespace {

struct Memory {
  char magic[8] = {'W', 'E', 'F', 'T', 'H', 'A', 'S', 'H'};
  Hash128 identity{};
  Hash128 content{};
  uint64_t check = 0;  // of the fields above
};
static_assert(sizeof(Memory) == 48);

uint64_t check_of(const Memory& memory) {
  return hash128(std::as_bytes(std::span(&memory, 1)).first(offsetof(Memory, check)))[0];
}

Hash128 identity_hash(const FileIdentity& id) {
  const uint64_t key[] = {id.device, id.inode, id.size, uint64_t(id.modified_ns),
                          uint64_t(id.changed_ns)};
  return hash128(std::as_bytes(std::span(key)));
}

bool recall(const std::filesystem::path& path, const Hash128& identity, Hash128& content) {
  const auto file = MappedFile::open(path);
  Memory memory;
  if (!file.ok() || (*file)->bytes().size() != sizeof memory) return false;
  std::memcpy(&memory, (*file)->bytes().data(), sizeof memory);
  const bool sound = std::memcmp(memory.magic, Memory().magic, sizeof memory.magic) == 0 &&
                     memory.check == check_of(memory) && memory.identity == identity;
  if (sound) content = memory.content;
  return sound;
}

Status remember(const std::filesystem::path& path, const Memory& memory) {
  NewFile file = TRY(NewFile::create(path, ErrorKind::check_failed));
  TRY(file.write(std::as_bytes(std::span(&memory, 1))));
  return file.finish_unsynced();
}

}  // namespace

Hash128 content_hash(const MappedFile& file, const std::filesystem::path& memory) {
  const Hash128 identity = identity_hash(file.identity());
  const std::filesystem::path path = memory / (hex(identity) + kContentSuffix);
  Hash128 content{};
  if (recall(path, identity, content)) return content;
  content = hash128(file.bytes());
  Memory fresh;
  fresh.identity = identity;
  fresh.content = content;
  fresh.check = check_of(fresh);
  std::error_code ignored;
  std::filesystem::create_directories(memory, ignored);
  (void)remember(path, fresh);
  return content;
}

}  // namespace weft
