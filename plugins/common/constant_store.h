// Constants as a backend keeps them: copied or repacked once per device, shared by whatever has the
// same content, and saved into one blob that a later start maps and uses in place.
//
//   blob   Header {magic, version, count, size} | Entry[count] {key, offset, size} | bytes, each
//          64-aligned
//
// A constant found in the blob of a compile belongs to that program alone: the mapping ends with
// the program. Everything else lives as long as a program of the device uses it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "plugins/common/live_constants.h"
#include "weft/plugin.hpp"

namespace weft::common {

struct StoredConstant {
  ConstantKey key{};
  char* data = nullptr;  // 64-byte aligned
  uint64_t size = 0;
  bool owned = false;
  StoredConstant() = default;
  StoredConstant(const StoredConstant&) = delete;
  StoredConstant& operator=(const StoredConstant&) = delete;
  ~StoredConstant();
};
using ConstantRef = std::shared_ptr<const StoredConstant>;

// The constants of a device, by key. [any thread]
class ConstantPool {
 public:
  // The live constant of this key, else a new one of `size` bytes written by `fill`.
  ConstantRef get(const ConstantKey& key, uint64_t size, const std::function<void(char*)>& fill);

 private:
  LiveConstants<StoredConstant> live_;
};

// The constants of one program while it is compiled.
class ConstantStore {
 public:
  // `blob` may be null. Throws WEFT_E_STALE_BLOB when it is not one this version can use.
  ConstantStore(ConstantPool& pool, const void* blob, uint64_t blob_size);

  // The constant of `key`: from the blob if there is one (a missing or wrong-sized entry makes the
  // blob stale), else from the device's pool. Kept until the program ends.
  const char* get(const ConstantKey& key, uint64_t size, const std::function<void(char*)>& fill);
  std::vector<ConstantRef> take() { return std::move(held_); }

  // The bytes where the host has them, which then keeps them for the program's life: pages of the
  // model's file that are read when they are needed, with no copy.
  const void* borrow(const weft_value& value) {
    borrowed_ = true;
    return value.data;
  }
  bool borrowed() const { return borrowed_; }

 private:
  ConstantPool& pool_;
  bool from_blob_ = false, borrowed_ = false;
  std::map<ConstantKey, std::pair<const char*, uint64_t>> entries_;
  std::vector<ConstantRef> held_;
  std::map<ConstantKey, const char*> seen_;
};

// Writes the constants as a blob.
void save_blob(const std::vector<ConstantRef>& constants, const weft_writer& writer);
// WEFT_BLOB_*: judged from the first bytes alone.
uint32_t check_blob(const void* head, uint64_t size);

// Both halves of a constant's content id; computed from the bytes where the host gave none.
std::array<uint64_t, 2> content_id(const weft_value& value);
std::array<uint64_t, 2> hash_of(const void* bytes, uint64_t size);
// Order-dependent mix of two words, for keys made of several contents.
uint64_t mix(uint64_t a, uint64_t b);

}  // namespace weft::common
