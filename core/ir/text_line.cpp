#include "core/ir/text_line.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace weft::ir {

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || (c != '\0' && std::strchr("_./:-", c));
}

}  // namespace

void Line::skip() {
  while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
}

bool Line::done() {
  skip();
  return at_ >= text_.size() || text_[at_] == '#';
}

bool Line::take(std::string_view token) {
  skip();
  if (text_.substr(at_, token.size()) != token) return false;
  const size_t end = at_ + token.size();
  const bool is_name = std::isalpha(static_cast<unsigned char>(token.back()));
  if (is_name && end < text_.size() && is_word(text_[end])) return false;
  at_ = end;
  return true;
}

Status Line::expect(std::string_view token) {
  if (take(token)) return {};
  return Error{"expected '" + std::string(token) + "' at '" + rest() + "'"};
}

Result<std::string> Line::word() {
  skip();
  const size_t start = at_;
  while (at_ < text_.size() && is_word(text_[at_])) ++at_;
  if (at_ == start) return Error{"expected a name at '" + rest() + "'"};
  return std::string(text_.substr(start, at_ - start));
}

Result<std::string> Line::string() {
  TRY(expect("\""));
  std::string out;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
    out += text_[at_++];
  }
  if (at_ >= text_.size()) return Error{"a string does not end"};
  ++at_;
  return out;
}

Result<std::string> Line::value() {
  TRY(expect("%"));
  if (at_ < text_.size() && text_[at_] == '"') return string();
  return word();
}

std::string_view Line::expression(std::string_view stops) {
  skip();
  const size_t start = at_;
  int depth = 0;
  for (; at_ < text_.size(); ++at_) {
    if (depth == 0 && stops.find(text_[at_]) != std::string_view::npos) break;
    if (text_[at_] == '(') ++depth;
    if (text_[at_] == ')') --depth;
  }
  std::string_view found = text_.substr(start, at_ - start);
  while (!found.empty() && found.back() == ' ') found.remove_suffix(1);
  return found;
}

std::string Line::rest() const { return std::string(text_.substr(std::min(at_, text_.size()))); }

}  // namespace weft::ir
