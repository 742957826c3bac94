#include "tools/weft/printable.h"

#include <cstdint>

namespace weft::cli {

namespace {

// Bytes of the character at the front, or 0 where there is none: overlong forms, surrogates and
// values beyond U+10FFFF are none.
size_t character_size(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : uint8_t{0}; };
  const uint8_t first = byte(0);
  const auto follows = [&](size_t i, uint8_t from = 0x80, uint8_t to = 0xbf) {
    return byte(i) >= from && byte(i) <= to;
  };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t from = first == 0xe0 ? 0xa0 : 0x80, to = first == 0xed ? 0x9f : 0xbf;
    return follows(1, from, to) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t from = first == 0xf0 ? 0x90 : 0x80, to = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, from, to) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// C0 and C1 controls and delete; C1 is C2 80 to C2 9F in UTF-8.
bool is_control(std::string_view character) {
  const uint8_t first = uint8_t(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return character.size() == 2 && first == 0xc2 && uint8_t(character[1]) < 0xa0;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const size_t size = character_size(text);
    const std::string_view taken = text.substr(0, size ? size : 1);
    text.remove_prefix(taken.size());
    if (size && !is_control(taken)) {
      out += taken;
      continue;
    }
    for (const char c : taken) {
      out += "\\x";
      out += kDigits[uint8_t(c) >> 4];
      out += kDigits[uint8_t(c) & 15];
    }
  }
  return out;
}

}  // namespace weft::cli
