// Vocabulary table: linear probing, at most half full.
#include "core/text/vocab.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstdio>

namespace weft::text {
namespace {

uint64_t hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

Result<Vocab> Vocab::build(std::string strings, const std::vector<Entry>& entries,
                           Repeats repeats) {
  Vocab out;
  out.strings_ = std::move(strings);
  int32_t limit = 0;
  for (const Entry& entry : entries) limit = std::max(limit, entry.id + 1);
  out.by_id_.resize(static_cast<size_t>(limit));
  out.slots_.resize(std::bit_ceil(entries.size() * 2 + 2));
  size_t mask = out.slots_.size() - 1;
  for (const Entry& entry : entries) {
    Text& text = out.by_id_[static_cast<size_t>(entry.id)];
    std::string_view token =
        std::string_view(out.strings_).substr(entry.begin, entry.end - entry.begin);
    if (text.begin != unused)
      return Error("model.vocab gives id " + std::to_string(entry.id) + " to both '" +
                   std::string(out.at(entry.id)) + "' and '" + std::string(token) +
                   "'; every id may occur once");
    text = {entry.begin, entry.end};
    if (size_t known = out.find_slot(token); known < out.slots_.size()) {
      if (repeats == Repeats::refused)
        return Error("model.vocab holds '" + std::string(token) + "' twice; it may occur once");
      out.slots_[known].id = entry.id;
      continue;
    }
    uint64_t h = hash(token);
    size_t slot = h & mask;
    while (out.slots_[slot].id >= 0) slot = (slot + 1) & mask;
    out.slots_[slot] = {static_cast<uint32_t>(h >> 32), entry.id};
  }
  return out;
}

size_t Vocab::find_slot(std::string_view token) const {
  if (slots_.empty()) return 0;
  size_t mask = slots_.size() - 1;
  uint64_t h = hash(token);
  for (size_t slot = h & mask; slots_[slot].id >= 0; slot = (slot + 1) & mask)
    if (slots_[slot].hash == static_cast<uint32_t>(h >> 32) && at(slots_[slot].id) == token)
      return slot;
  return slots_.size();
}

int32_t Vocab::find(std::string_view token) const {
  size_t slot = find_slot(token);
  return slot < slots_.size() ? slots_[slot].id : -1;
}

void Vocab::hide(std::string_view token) {
  // The slot stays taken, so that the tokens probed past it are found; its hash is no longer that
  // of its string, so that it is not.
  size_t slot = find_slot(token);
  if (slot < slots_.size()) slots_[slot].hash ^= 1;
}

std::optional<std::string_view> Vocab::token(int64_t id) const {
  if (id < 0 || id >= id_limit() || by_id_[static_cast<size_t>(id)].begin == unused)
    return std::nullopt;
  return at(static_cast<int32_t>(id));
}

std::array<int32_t, 256> byte_token_ids(const Vocab& vocab) {
  std::array<int32_t, 256> ids{};
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(byte));
    ids[byte] = vocab.find(text);
  }
  return ids;
}

}  // namespace weft::text
