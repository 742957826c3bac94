// Text as the template language sees it: Unicode characters, although it is stored as UTF-8.
//
// Templates are written against Python, so stripping, case, quoting and the spelling of numbers
// follow Python's rules. A byte that is not valid UTF-8 counts as one character and is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::text::jinja {

// The characters of `text`, each as the bytes it is made of; they point into `text`.
std::vector<std::string_view> characters(std::string_view text);
int64_t count_characters(std::string_view text);
// The code point of one character; an invalid byte decodes to U+FFFD.
char32_t code_point(std::string_view character);
std::string encode_utf8(char32_t code);

// Python's str.isspace() for one character, str.isprintable(), and the classes of `\w`.
bool is_space(char32_t code);
bool is_printable(char32_t code);
bool is_letter(char32_t code);
bool is_alphanumeric(char32_t code);

// What str.strip, lstrip and rstrip leave: `chars` is the set to remove, null means white space.
std::string_view strip(std::string_view text, const std::string* chars, bool left, bool right);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
// str.title(): every run of letters starts with a capital.
std::string title(std::string_view text);
// Whether there is a cased letter and all cased letters are upper (or lower) case.
bool all_cased(std::string_view text, bool upper_case);

// Lines without their ends; a final line end starts no further line (str.splitlines).
std::vector<std::string_view> split_lines(std::string_view text);

// How often `part` occurs without overlap; an empty part occurs around every character.
int64_t count_occurrences(std::string_view text, std::string_view part);
// Every `from` replaced by `to`, at most `limit` times (negative: all).
std::string replace(std::string_view text, std::string_view from, std::string_view to,
                    int64_t limit);

// Python's repr() of a string: single quotes unless only those occur inside.
std::string quote(std::string_view text);
// A JSON string literal; with `ascii_only`, other characters become \u escapes.
std::string quote_json(std::string_view text, bool ascii_only);
// Python's repr() of a float: the shortest digits that read back as the same value.
std::string format_float(double value);

}  // namespace weft::text::jinja
