// UTF-8 by the table of well-formed byte sequences (Unicode Standard, table 3-7); classes by
// utf8proc.
#include "core/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace weft::text {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

struct ByteAlphabet {
  std::array<char32_t, 256> to_char{};
  std::array<int16_t, 0x144> to_byte{};
};

constexpr ByteAlphabet make_alphabet() {
  ByteAlphabet alphabet;
  for (int16_t& byte : alphabet.to_byte) byte = -1;
  char32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bool printable =
        (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    char32_t code = printable ? byte : next++;
    alphabet.to_char[byte] = code;
    alphabet.to_byte[code] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr ByteAlphabet alphabet = make_alphabet();

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

bool all_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

}  // namespace

Utf8Char utf8_at(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> char32_t { return static_cast<uint8_t>(text[at + i]); };
  char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f),
          4};
}

void append_utf8(std::string& out, char32_t code) {
  auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

void Utf8Cleaner::push_byte(uint8_t byte, std::string& out) {
  if (held_count_ > 0) {
    if (byte >= next_min_ && byte <= next_max_) {
      held_[held_count_++] = static_cast<char>(byte);
      next_min_ = 0x80;
      next_max_ = 0xbf;
      if (held_count_ == expected_) {
        out.append(held_, held_count_);
        held_count_ = 0;
      }
      return;
    }
    out.append(replacement);  // the part so far can never become a character; the byte starts anew
    held_count_ = 0;
  }
  next_min_ = 0x80;
  next_max_ = 0xbf;
  if (byte < 0x80) {
    out.push_back(static_cast<char>(byte));
    return;
  }
  if (byte < 0xc2 || byte > 0xf4) {
    out.append(replacement);
    return;
  }
  expected_ = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  if (byte == 0xe0) next_min_ = 0xa0;  // no overlong forms
  if (byte == 0xf0) next_min_ = 0x90;
  if (byte == 0xed) next_max_ = 0x9f;  // no surrogates
  if (byte == 0xf4) next_max_ = 0x8f;  // nothing above U+10FFFF
  held_[0] = static_cast<char>(byte);
  held_count_ = 1;
}

void Utf8Cleaner::push(std::string_view bytes, std::string& out) {
  for (char c : bytes) push_byte(static_cast<uint8_t>(c), out);
}

void Utf8Cleaner::flush(std::string& out) {
  if (held_count_ > 0) out.append(replacement);
  *this = Utf8Cleaner();
}

std::string clean_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  Utf8Cleaner cleaner;
  cleaner.push(bytes, out);
  cleaner.flush(out);
  return out;
}

bool is_valid_utf8(std::string_view bytes) {
  return all_ascii(bytes) || clean_utf8(bytes) == bytes;
}

bool is_whitespace(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
  return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool is_word(char32_t code) {
  if (code < 0x80)
    return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
           (code >= 'a' && code <= 'z') || code == '_';
  switch (category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:  // the joiners, and the circled and squared letters, which are alphabetic symbols
      return code == 0x200c || code == 0x200d || (code >= 0x24b6 && code <= 0x24e9) ||
             (code >= 0x1f130 && code <= 0x1f149) || (code >= 0x1f150 && code <= 0x1f169) ||
             (code >= 0x1f170 && code <= 0x1f189);
  }
}

bool is_punctuation(char32_t code) {
  if (code < 0x80)
    return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
           (code >= 123 && code <= 126);
  auto kind = category(code);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

bool is_numeric(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  auto kind = category(code);
  return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL ||
         kind == UTF8PROC_CATEGORY_NO;
}

bool is_mark(char32_t code) {
  if (code < 0x300) return false;
  auto kind = category(code);
  return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
}

bool is_nonspacing_mark(char32_t code) {
  return code >= 0x300 && category(code) == UTF8PROC_CATEGORY_MN;
}

bool is_control(char32_t code) {
  auto kind = category(code);
  return kind >= UTF8PROC_CATEGORY_CC && kind <= UTF8PROC_CATEGORY_CO;
}

size_t cluster_size(std::string_view text, size_t at) {
  Utf8Char last = utf8_at(text, at);
  size_t end = at + last.size_bytes;
  utf8proc_int32_t state = 0;
  while (end < text.size()) {
    Utf8Char next = utf8_at(text, end);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(last.code),
                                         static_cast<utf8proc_int32_t>(next.code), &state))
      break;
    end += next.size_bytes;
    last = next;
  }
  return end - at;
}

void append_lowercase(std::string& out, char32_t code) {
  if (code == 0x130) {  // the one character whose lower case is two: i and a dot above
    out.append("i\xCC\x87");
    return;
  }
  append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
}

std::string normal_form(std::string_view text, NormalForm form) {
  if (all_ascii(text)) return std::string(text);
  bool compose = form == NormalForm::nfc || form == NormalForm::nfkc;
  bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  int options = UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                (compatible ? UTF8PROC_COMPAT : 0);
  utf8proc_uint8_t* mapped = nullptr;
  utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                       static_cast<utf8proc_option_t>(options));
  std::string out = size < 0
                        ? std::string(text)
                        : std::string(reinterpret_cast<char*>(mapped), static_cast<size_t>(size));
  std::free(mapped);
  return out;
}

char32_t byte_to_char(uint8_t byte) { return alphabet.to_char[byte]; }

int char_to_byte(char32_t code) { return code < 0x144 ? alphabet.to_byte[code] : -1; }

}  // namespace weft::text
