// UTF-8 and the few character classes tokenizers ask about.
//
// Text from outside may hold invalid bytes. Utf8Cleaner turns every maximal invalid part into one
// U+FFFD, as the Unicode Standard recommends (chapter 3.9, "U+FFFD Substitution of Maximal
// Subparts"), and does so piece by piece, so that streamed and whole text give the same characters.
// Everything after it may assume valid UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::text {

// One decoded character and the bytes it took.
struct Utf8Char {
  char32_t code = 0;
  uint32_t size_bytes = 0;
};

// The character that starts at `text[at]`. Requires valid UTF-8 and at < text.size().
Utf8Char utf8_at(std::string_view text, size_t at);

// Appends `code` as UTF-8. Requires code <= U+10FFFF.
void append_utf8(std::string& out, char32_t code);

// Turns a stream of bytes into valid UTF-8; holds back at most three bytes of an unfinished
// character.
class Utf8Cleaner {
 public:
  // Appends to `out` every character that `bytes`, after what is held back, completes.
  void push(std::string_view bytes, std::string& out);
  // Appends U+FFFD if an unfinished character is held back. The cleaner is then as new.
  void flush(std::string& out);

 private:
  void push_byte(uint8_t byte, std::string& out);

  char held_[4] = {};
  uint32_t held_count_ = 0;
  uint32_t expected_ = 0;    // bytes of the character that has begun
  uint8_t next_min_ = 0x80;  // the range the next byte must be in
  uint8_t next_max_ = 0xbf;
};

// The same for a whole text.
std::string clean_utf8(std::string_view bytes);
bool is_valid_utf8(std::string_view bytes);

// The property White_Space.
bool is_whitespace(char32_t code);
// Word characters as UTS #18 has them: letters, marks, decimal digits, connectors, letter numbers.
bool is_word(char32_t code);
// ASCII punctuation and symbols, and the categories P*.
bool is_punctuation(char32_t code);
// The categories Nd, Nl, No.
bool is_numeric(char32_t code);
// The categories Mn, Mc, Me.
bool is_mark(char32_t code);
// The category Mn.
bool is_nonspacing_mark(char32_t code);
// The categories Cc, Cf, Cs, Co: characters assigned to no sign.
bool is_control(char32_t code);
// The size in bytes of the extended grapheme cluster (UAX #29) at `text[at]`, what a reader takes
// for one character. Requires valid UTF-8, at < text.size() and a cluster to begin there.
size_t cluster_size(std::string_view text, size_t at);
// Appends the lower case of one character, without context ("final sigma" needs some; it is not
// looked at).
void append_lowercase(std::string& out, char32_t code);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
// The normal form of valid UTF-8. Unchanged text where the library runs out of memory.
std::string normal_form(std::string_view text, NormalForm form);

// The alphabet of byte-level BPE: every byte has a printable character, of code point below 0x144.
// Printable bytes of Latin-1 stand for themselves, the others are numbered from U+0100. (Radford et
// al., GPT-2, 2019.)
char32_t byte_to_char(uint8_t byte);
// The byte a character stands for, or -1.
int char_to_byte(char32_t code);

}  // namespace weft::text
