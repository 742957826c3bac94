// Base64, the header of the map, and walks down its trie that never leave the array.
#include "core/text/charsmap.h"

#include "core/text/unicode.h"

namespace weft::text {
namespace {

constexpr size_t longest_cluster = 5;  // bytes; longer ones go character by character

int base64_digit(char c) {
  return c >= 'A' && c <= 'Z'   ? c - 'A'
         : c >= 'a' && c <= 'z' ? c - 'a' + 26
         : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '+'             ? 62
         : c == '/'             ? 63
                                : -1;
}

uint32_t little_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label(uint32_t unit) { return unit & (uint32_t{1} << 31 | 0xff); }
uint32_t value(uint32_t unit) { return unit & ~(uint32_t{1} << 31); }
size_t offset(uint32_t unit) { return size_t{unit >> 10} << ((unit & 0x200) >> 6); }

}  // namespace

std::optional<std::string> from_base64(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0, count = 0;
  for (char c : text) {
    int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

Result<Charsmap> Charsmap::parse(std::string_view base64) {
  auto bytes = from_base64(base64);
  if (!bytes) return Error("is no base64; supported: the bytes of a SentencePiece charsmap in it");
  if (bytes->size() < 4)
    return Error("holds " + std::to_string(bytes->size()) +
                 " bytes; supported: a SentencePiece charsmap, whose size alone takes 4");
  size_t trie_bytes = little_endian(*bytes, 0);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes > bytes->size() - 4)
    return Error("says its trie takes " + std::to_string(trie_bytes) + " of its " +
                 std::to_string(bytes->size() - 4) +
                 " bytes; supported: a positive multiple of 4, up to all of them");
  Charsmap out;
  out.units_.resize(trie_bytes / 4);
  for (size_t i = 0; i < out.units_.size(); ++i) out.units_[i] = little_endian(*bytes, 4 + 4 * i);
  out.texts_ = bytes->substr(4 + trie_bytes);
  if (!is_valid_utf8(out.texts_))
    return Error("holds texts that are no UTF-8; supported: a SentencePiece charsmap");
  return out;
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const {
  size_t at = offset(units_[0]);
  for (char c : text) {
    uint8_t byte = static_cast<uint8_t>(c);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || label(units_[at]) != byte) return std::nullopt;
    uint32_t unit = units_[at];
    at ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (at >= units_.size()) return std::nullopt;
    size_t begin = value(units_[at]);
    // Where the value points outside, or into a character, the map is broken; it maps nothing then.
    if (begin >= texts_.size() || (static_cast<uint8_t>(texts_[begin]) & 0xc0) == 0x80)
      return std::nullopt;
    size_t end = std::min(texts_.find('\0', begin), texts_.size());
    return std::string_view(texts_).substr(begin, end - begin);
  }
  return std::nullopt;
}

std::string Charsmap::normalize(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    std::string_view cluster = text.substr(at, cluster_size(text, at));
    at += cluster.size();
    if (cluster.size() <= longest_cluster) {
      if (auto mapped = find(cluster)) {
        out.append(*mapped);
        continue;
      }
    }
    for (size_t i = 0; i < cluster.size();) {
      std::string_view character = cluster.substr(i, utf8_at(cluster, i).size_bytes);
      i += character.size();
      out.append(find(character).value_or(character));
    }
  }
  return out;
}

}  // namespace weft::text
