// Unicode text with Python's rules (see the header). Character classes and case come from utf8proc;
// case mapping is one to one but for the German sharp s.
#include "core/text/jinja_strings.h"

#include <utf8proc.h>

#include <charconv>
#include <cmath>
#include <cstdio>

namespace weft::text::jinja {
namespace {

size_t character_length(std::string_view text) {
  utf8proc_int32_t code = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t length =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &code);
  return length > 0 ? static_cast<size_t>(length) : 1;
}

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

enum class Case { upper, lower, title };

void append_cased(std::string& out, std::string_view character, Case to) {
  if (character.size() == 1) {
    const char c = character[0];
    if (to == Case::lower && c >= 'A' && c <= 'Z')
      out += static_cast<char>(c + 32);
    else if (to != Case::lower && c >= 'a' && c <= 'z')
      out += static_cast<char>(c - 32);
    else
      out += c;
    return;
  }
  const auto code = static_cast<utf8proc_int32_t>(code_point(character));
  if (code == 0xDF && to != Case::lower) {  // the one common letter whose capital is two
    out += to == Case::upper ? "SS" : "Ss";
    return;
  }
  const utf8proc_int32_t mapped = to == Case::upper   ? utf8proc_toupper(code)
                                  : to == Case::lower ? utf8proc_tolower(code)
                                                      : utf8proc_totitle(code);
  if (mapped == code)
    out += character;
  else
    out += encode_utf8(static_cast<char32_t>(mapped));
}

void append_escape(std::string& out, const char* format, unsigned code) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, code);
  out += buffer;
}

}  // namespace

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = character_length(text);
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

int64_t count_characters(std::string_view text) {
  int64_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(character_length(text));
  return count;
}

char32_t code_point(std::string_view character) {
  utf8proc_int32_t code = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(character.data());
  const auto size = static_cast<utf8proc_ssize_t>(character.size());
  return utf8proc_iterate(bytes, size, &code) > 0 ? static_cast<char32_t>(code) : 0xFFFD;
}

std::string encode_utf8(char32_t code) {
  // Surrogates and what lies beyond Unicode have no UTF-8 form.
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

bool is_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_printable(char32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return code == ' ';
    default:
      return true;
  }
}

bool is_letter(char32_t code) {
  const utf8proc_category_t c = category(code);
  return c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
}

bool is_alphanumeric(char32_t code) {
  const utf8proc_category_t c = category(code);
  return is_letter(code) || (c >= UTF8PROC_CATEGORY_ND && c <= UTF8PROC_CATEGORY_NO);
}

std::string_view strip(std::string_view text, const std::string* chars, bool left, bool right) {
  std::vector<std::string_view> set;
  if (chars) set = characters(*chars);
  const auto removable = [&](std::string_view character) {
    if (!chars) return is_space(code_point(character));
    for (std::string_view member : set)
      if (member == character) return true;
    return false;
  };
  while (left && !text.empty()) {
    const size_t length = character_length(text);
    if (!removable(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    // Back over continuation bytes to the start of the last character.
    size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (text[start] & 0xC0) == 0x80) --start;
    if (character_length(text.substr(start)) != text.size() - start) start = text.size() - 1;
    if (!removable(text.substr(start))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::string upper(std::string_view text) {
  std::string out;
  for (std::string_view character : characters(text)) append_cased(out, character, Case::upper);
  return out;
}

std::string lower(std::string_view text) {
  std::string out;
  for (std::string_view character : characters(text)) append_cased(out, character, Case::lower);
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  for (std::string_view character : characters(text))
    append_cased(out, character, out.empty() ? Case::title : Case::lower);
  return out;
}

std::string title(std::string_view text) {
  std::string out;
  bool inside_word = false;
  for (std::string_view character : characters(text)) {
    append_cased(out, character, inside_word ? Case::lower : Case::title);
    const utf8proc_category_t c = category(code_point(character));
    inside_word = c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LT;
  }
  return out;
}

bool all_cased(std::string_view text, bool upper_case) {
  bool any = false;
  for (std::string_view character : characters(text)) {
    const utf8proc_category_t c = category(code_point(character));
    if (c == (upper_case ? UTF8PROC_CATEGORY_LL : UTF8PROC_CATEGORY_LU)) return false;
    if (c == UTF8PROC_CATEGORY_LT) return false;
    if (c == (upper_case ? UTF8PROC_CATEGORY_LU : UTF8PROC_CATEGORY_LL)) any = true;
  }
  return any;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text.substr(at));
    const char32_t code = code_point(text.substr(at, length));
    const bool ends = (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) ||
                      code == 0x85 || code == 0x2028 || code == 0x2029;
    size_t next = at + length;
    if (ends) {
      if (code == '\r' && next < text.size() && text[next] == '\n') ++next;
      lines.push_back(text.substr(start, at - start));
      start = next;
    }
    at = next;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

int64_t count_occurrences(std::string_view text, std::string_view part) {
  if (part.empty()) return count_characters(text) + 1;
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

std::string replace(std::string_view text, std::string_view from, std::string_view to,
                    int64_t limit) {
  std::string out;
  if (from.empty()) {  // Python puts `to` before every character and at the end
    for (std::string_view character : characters(text)) {
      if (limit != 0) out += to;
      if (limit > 0) --limit;
      out += character;
    }
    if (limit != 0) out += to;
    return out;
  }
  size_t start = 0;
  while (limit != 0) {
    const size_t at = text.find(from, start);
    if (at == std::string_view::npos) break;
    out += text.substr(start, at - start);
    out += to;
    start = at + from.size();
    if (limit > 0) --limit;
  }
  out += text.substr(start);
  return out;
}

std::string quote(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char mark = has_single && !has_double ? '"' : '\'';
  std::string out(1, mark);
  for (std::string_view character : characters(text)) {
    const char32_t code = code_point(character);
    if (code == static_cast<char32_t>(mark) || code == '\\')
      (out += '\\') += character;
    else if (code == '\n')
      out += "\\n";
    else if (code == '\r')
      out += "\\r";
    else if (code == '\t')
      out += "\\t";
    else if (is_printable(code))
      out += character;
    else if (code < 0x100)
      append_escape(out, "\\x%02x", code);
    else if (code < 0x10000)
      append_escape(out, "\\u%04x", code);
    else
      append_escape(out, "\\U%08x", code);
  }
  return out + mark;
}

std::string quote_json(std::string_view text, bool ascii_only) {
  std::string out = "\"";
  for (std::string_view character : characters(text)) {
    const char32_t code = code_point(character);
    if (code == '"' || code == '\\')
      (out += '\\') += character;
    else if (code == '\n')
      out += "\\n";
    else if (code == '\r')
      out += "\\r";
    else if (code == '\t')
      out += "\\t";
    else if (code == '\b')
      out += "\\b";
    else if (code == '\f')
      out += "\\f";
    else if (code < 0x20)
      append_escape(out, "\\u%04x", code);
    else if (!ascii_only || code < 0x80)
      out += character;
    else if (code < 0x10000)
      append_escape(out, "\\u%04x", code);
    else {
      append_escape(out, "\\u%04x", 0xD800 + ((code - 0x10000) >> 10));
      append_escape(out, "\\u%04x", 0xDC00 + ((code - 0x10000) & 0x3FF));
    }
  }
  return out + '"';
}

std::string format_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t mark = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(mark + 1)).c_str());
  // Python writes out the digits from 1e-4 up to 1e16 and uses an exponent elsewhere.
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string out(buffer, fixed.ptr);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

}  // namespace weft::text::jinja
