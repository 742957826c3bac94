// The two states of the lexer: text outside tags, and words inside one (see the header).
#include "core/text/jinja_lexer.h"

#include <algorithm>
#include <array>

#include "core/text/jinja_strings.h"

namespace weft::text::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes of characters beyond ASCII are taken as letters: Python allows them in names.
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

std::string normalize_line_ends(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      out += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      out += '\n';
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) TRY(outside());
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  // Text up to the next tag, then the tag.
  Status outside() {
    const bool line_starting = at_ == 0 || source_[at_ - 1] == '\n';
    size_t open = source_.find('{', at_);
    while (open != npos && (open + 1 >= source_.size() || !is_tag(source_[open + 1])))
      open = source_.find('{', open + 1);
    if (open == npos) {
      add_data(rest());
      at_ = source_.size();
      return {};
    }
    const char type = source_[open + 1];
    size_t inside = open + 2;
    const char sign = sign_at(inside);
    if (sign) ++inside;
    add_stripped(source_.substr(at_, open - at_), sign, type == '{', line_starting);
    advance(open);
    if (type == '#') return comment(inside);
    if (type == '%') {
      const size_t raw_body = after_raw_word(inside, "raw", false);
      if (raw_body != npos) return raw(raw_body);
    }
    add(type == '{' ? TokenKind::variable_begin : TokenKind::block_begin, "");
    advance(inside);
    return tag(type == '{' ? "}}" : "%}");
  }

  static bool is_tag(char c) { return c == '{' || c == '%' || c == '#'; }

  char sign_at(size_t place) const {
    const char c = place < source_.size() ? source_[place] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  void add_stripped(std::string_view text, char sign, bool variable, bool line_starting) {
    if (sign == '-') {
      text = strip(text, nullptr, false, true);
    } else if (sign != '+' && !variable) {
      const size_t line_begin = text.rfind('\n') + 1;  // npos + 1 is 0
      if ((line_begin > 0 || line_starting) &&
          strip(text.substr(line_begin), nullptr, true, false).empty())
        text = text.substr(0, line_begin);
    }
    add_data(text);
  }

  Status comment(size_t body) {
    const int line = line_;
    const size_t close = source_.find("#}", body);
    if (close == npos) return error_at(line, "the comment that starts here has no '#}'");
    advance(close + 2);
    after_close(close > body ? source_[close - 1] : '\0');
    return {};
  }

  // If a tag's inside at `place` is just `word`, where the text after the tag starts, else npos.
  // With `trim`, one line end after the tag belongs to it.
  size_t after_raw_word(size_t place, std::string_view word, bool trim) const {
    const auto skip_space = [&](size_t from) {
      const std::string_view tail = std::string_view(source_).substr(from);
      return source_.size() - strip(tail, nullptr, true, false).size();
    };
    place = skip_space(place);
    if (source_.compare(place, word.size(), word) != 0) return npos;
    place = skip_space(place + word.size());
    const char sign = sign_at(place);
    if (sign == '+' && !trim) return npos;
    if (sign) ++place;
    if (source_.compare(place, 2, "%}") != 0) return npos;
    place += 2;
    if (sign == '-') return skip_space(place);
    if (trim && !sign && place < source_.size() && source_[place] == '\n') ++place;
    return place;
  }

  Status raw(size_t body) {
    const int line = line_;
    for (size_t open = source_.find("{%", body); open != npos;
         open = source_.find("{%", open + 1)) {
      const char sign = sign_at(open + 2);
      const size_t after = after_raw_word(open + 2 + (sign ? 1 : 0), "endraw", true);
      if (after == npos) continue;
      const bool line_starting = source_[body - 1] == '\n';
      advance(body);
      add_stripped(source_.substr(body, open - body), sign, false, line_starting);
      advance(after);
      return {};
    }
    return error_at(line, "the raw block that starts here has no 'endraw'");
  }

  // The words of one tag, up to and with its `close`.
  Status tag(const char* close) {
    const int opened_line = line_;
    std::string brackets;
    while (true) {
      advance(source_.size() - strip(rest(), nullptr, true, false).size());
      if (at_ >= source_.size())
        return error_at(opened_line,
                        std::string("the tag that starts here has no '") + close + "'");
      // Inside brackets "}}" closes dicts; outside, a sign may stand before the mark.
      if (brackets.empty() && closes(close)) return {};
      const char c = source_[at_];
      if (is_digit(c))
        TRY(number());
      else if (starts_name(c))
        name();
      else if (c == '\'' || c == '"')
        TRY(string());
      else
        TRY(mark(brackets));
    }
  }

  bool closes(const char* close) {
    const char sign = sign_at(at_);
    const bool block = close[0] == '%';
    if (sign == '+' && !block) return false;
    const size_t mark = at_ + (sign ? 1 : 0);
    if (source_.compare(mark, 2, close) != 0) return false;
    add(block ? TokenKind::block_end : TokenKind::variable_end, "");
    advance(mark + 2);
    after_close(block || sign ? sign : '+');  // a line end after {{ }} stays
    return true;
  }

  void after_close(char sign) {
    if (sign == '-')
      advance(source_.size() - strip(rest(), nullptr, true, false).size());
    else if (sign != '+' && at_ < source_.size() && source_[at_] == '\n')
      advance(at_ + 1);
  }

  Status number() {
    const int line = line_;
    const bool after_dot = !tokens_.empty() && tokens_.back().text == "." &&
                           tokens_.back().kind == TokenKind::mark && source_[at_ - 1] == '.';
    size_t end = at_;
    const auto digits = [&](auto accepted) {
      while (end < source_.size() && (accepted(source_[end]) || source_[end] == '_')) ++end;
    };
    const char prefix = end + 1 < source_.size() ? static_cast<char>(source_[end + 1] | 0x20) : 0;
    bool real = false;
    if (source_[end] == '0' && (prefix == 'x' || prefix == 'o' || prefix == 'b')) {
      end += 2;
      digits([](char c) { return hex_digit(c) >= 0; });
    } else {
      digits(is_digit);
      if (!after_dot) real = fraction(end);
    }
    std::string text = source_.substr(at_, end - at_);
    std::erase(text, '_');
    if (!real && text.size() > 1 && text[0] == '0' && is_digit(text[1]) &&
        text.find_first_not_of('0') != npos)
      return error_at(line, "the number " + text + " starts with 0");
    add(real ? TokenKind::real : TokenKind::integer, text);
    advance(end);
    return {};
  }

  // Moves `end` past ".5" and "e-3" if they are there.
  bool fraction(size_t& end) const {
    const auto digit_at = [&](size_t i) { return i < source_.size() && is_digit(source_[i]); };
    const auto skip = [&] {
      while (digit_at(end) || (end < source_.size() && source_[end] == '_')) ++end;
    };
    bool real = false;
    if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      ++end;
      skip();
      real = true;
    }
    if (end < source_.size() && (source_[end] | 0x20) == 'e') {
      size_t first = end + 1;
      if (first < source_.size() && (source_[first] == '+' || source_[first] == '-')) ++first;
      if (digit_at(first)) {
        end = first;
        skip();
        real = true;
      }
    }
    return real;
  }

  void name() {
    size_t end = at_;
    while (end < source_.size() && (starts_name(source_[end]) || is_digit(source_[end]))) ++end;
    add(TokenKind::name, source_.substr(at_, end - at_));
    advance(end);
  }

  Status string() {
    const char mark = source_[at_];
    std::string text;
    size_t i = at_ + 1;
    while (i < source_.size() && source_[i] != mark) {
      if (source_[i] == '\\' && i + 1 < source_.size())
        i = TRY(escape(i + 1, text));
      else
        text += source_[i++];
    }
    if (i >= source_.size()) return error_at(line_, "the string that starts here has no end");
    add(TokenKind::string, std::move(text));
    advance(i + 1);
    return {};
  }

  // One escape whose letter is at `i`; gives the place after it.
  Result<size_t> escape(size_t i, std::string& out) const {
    static constexpr std::string_view letters = "\\'\"abfnrtv", meant = "\\'\"\a\b\f\n\r\t\v";
    const char c = source_[i];
    if (c == '\n') return i + 1;
    if (const size_t found = letters.find(c); found != npos) {
      out += meant[found];
      return i + 1;
    }
    size_t end = i + 1;
    char32_t code = 0;
    if (c >= '0' && c <= '7') {
      for (end = i;
           end < i + 3 && end < source_.size() && source_[end] >= '0' && source_[end] <= '7'; ++end)
        code = code * 8 + static_cast<char32_t>(source_[end] - '0');
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      for (; end < i + 1 + count; ++end) {
        const int digit = end < source_.size() ? hex_digit(source_[end]) : -1;
        if (digit < 0 || code > 0x10FFFF)
          return error_at(line_, std::string("the escape \\") + c + " in a string is not complete");
        code = code * 16 + static_cast<char32_t>(digit);
      }
    } else {  // not an escape: Python keeps the backslash
      (out += '\\') += c;
      return i + 1;
    }
    out += encode_utf8(code);
    return end;
  }

  Status mark(std::string& brackets) {
    static constexpr std::array<std::string_view, 6> pairs = {"//", "**", "==", "!=", ">=", "<="};
    std::string text = source_.substr(at_, 2);
    if (std::find(pairs.begin(), pairs.end(), text) == pairs.end()) text.resize(1);
    const char c = text[0];
    if (text.size() == 1 && std::string_view("+-/*%~[](){}><=.:|,;").find(c) == npos)
      return error_at(line_, "the character " + quote(text) + " has no meaning in a tag");
    if (c == '(') brackets += ')';
    if (c == '[') brackets += ']';
    if (c == '{') brackets += '}';
    if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c)
        return error_at(line_, "'" + text + "' closes no bracket that is open here");
      brackets.pop_back();
    }
    add(TokenKind::mark, text);
    advance(at_ + text.size());
    return {};
  }

  std::string_view rest() const { return std::string_view(source_).substr(at_); }

  void advance(size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  void add_data(std::string_view text) {
    if (!text.empty()) add(TokenKind::data, std::string(text));
  }

  static constexpr size_t npos = std::string::npos;
  const std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

Error error_at(int line, const std::string& text) {
  return Error("line " + std::to_string(line) + ": " + text);
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  return Lexer(normalize_line_ends(source)).run();
}

}  // namespace weft::text::jinja
