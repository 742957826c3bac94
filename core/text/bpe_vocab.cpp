// Vocabulary table: linear probing, at most half full.
#include "core/text/bpe_vocab.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace weft::text {
namespace {

uint64_t hash(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

Result<BpeVocab> BpeVocab::build(std::string strings, const std::vector<Entry>& entries) {
  BpeVocab out;
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
    if (out.find(token) >= 0)
      return Error("model.vocab holds '" + std::string(token) + "' twice; it may occur once");
    text = {entry.begin, entry.end};
    uint64_t h = hash(token);
    size_t slot = h & mask;
    while (out.slots_[slot].id >= 0) slot = (slot + 1) & mask;
    out.slots_[slot] = {static_cast<uint32_t>(h >> 32), entry.id};
  }
  return out;
}

int32_t BpeVocab::find(std::string_view token) const {
  if (slots_.empty()) return -1;
  size_t mask = slots_.size() - 1;
  uint64_t h = hash(token);
  for (size_t slot = h & mask; slots_[slot].id >= 0; slot = (slot + 1) & mask)
    if (slots_[slot].hash == static_cast<uint32_t>(h >> 32) && at(slots_[slot].id) == token)
      return slots_[slot].id;
  return -1;
}

std::optional<std::string_view> BpeVocab::token(int64_t id) const {
  if (id < 0 || id >= id_limit() || by_id_[static_cast<size_t>(id)].begin == unused)
    return std::nullopt;
  return at(static_cast<int32_t>(id));
}

}  // namespace weft::text
