// Rewrites Ruby-syntax patterns for PCRE2, and runs them with the just-in-time compiler where there
// is one.
#include "core/text/unicode_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "core/text/unicode.h"

namespace weft::text {
namespace {

// Members of White_Space, and everything else, as ranges: ranges may stand inside a class, where a
// negated class may not.
constexpr std::string_view space_ranges =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a})"
    R"(\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view non_space_ranges =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f})"
    R"(\x{1681}-\x{1fff}\x{200b}-\x{2027})"
    R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr std::string_view word_ranges =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9})"
    R"(\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
constexpr std::string_view hex_ranges = "0-9a-fA-F";
constexpr std::string_view non_hex_ranges =
    R"(\x{0}-\x{2f}\x{3a}-\x{40}\x{47}-\x{60}\x{67}-\x{10ffff})";

constexpr uint32_t match_limit = 10'000'000;
constexpr uint32_t heap_limit_kib = 64 * 1024;

Error refused(std::string_view pattern, const std::string& what) {
  return Error("the regular expression '" + std::string(pattern) + "' uses " + what);
}

// Whether \p{name} names a script. Without "sc:" the library takes that for Script_Extensions.
bool is_script(std::string_view name) {
  bool letters = name.size() > 2 && std::all_of(name.begin(), name.end(), [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
                 });
  if (!letters) return false;
  std::string pattern = "\\p{sc:" + std::string(name) + "}";
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                       PCRE2_UTF | PCRE2_UCP, &code, &offset, nullptr);
  pcre2_code_free(compiled);
  return compiled != nullptr;
}

class Rewriter {
 public:
  explicit Rewriter(std::string_view pattern) : in_(pattern) {}

  Result<std::string> run() {
    while (at_ < in_.size()) {
      char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        TRY(class_character());
      } else if (c == '[') {
        open_class();
      } else if (c == '{') {
        TRY(interval());
      } else {
        copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  void copy(size_t count) {
    out_.append(in_.substr(at_, count));
    at_ += count;
  }

  void replace_escape(std::string_view open, std::string_view members) {
    if (in_class_) {
      out_.append(members);
    } else {
      out_.append(open).append(members).append("]");
    }
    at_ += 2;
  }

  void escape() {
    switch (at_ + 1 < in_.size() ? in_[at_ + 1] : '\0') {
      case 's':
        return replace_escape("[", space_ranges);
      case 'S':
        return replace_escape("[", non_space_ranges);
      case 'w':
        return replace_escape("[", word_ranges);
      case 'h':
        return replace_escape("[", hex_ranges);
      case 'H':
        return replace_escape("[", non_hex_ranges);
      case 'W':
        return in_class_ ? copy(2) : replace_escape("[^", word_ranges);
      case 'p':
      case 'P':
      case 'x':  // keeps the braces of \p{L} and \x{9} away from interval()
        return braced_escape();
      default:
        return copy(2);
    }
  }

  void braced_escape() {
    bool property = in_[at_ + 1] != 'x';
    copy(2);
    if (at_ >= in_.size() || in_[at_] != '{') return;
    size_t close = in_.find('}', at_);
    if (close == std::string_view::npos) return;
    if (property && close > at_ + 1 && in_[at_ + 1] == '^')
      copy(2);
    else
      copy(1);
    if (property && is_script(in_.substr(at_, close - at_))) out_ += "sc:";
    copy(close + 1 - at_);
  }

  void open_class() {
    in_class_ = true;
    class_begin_ = out_.size();
    copy(1);
    if (at_ < in_.size() && in_[at_] == '^') copy(1);
    if (at_ < in_.size() && in_[at_] == ']') copy(1);  // a literal bracket
  }

  Status class_character() {
    std::string_view rest = in_.substr(at_);
    if (rest.starts_with("[:")) {
      size_t end = rest.find(":]");
      copy(end == std::string_view::npos ? 1 : end + 2);
      return {};
    }
    if (rest[0] == '[') return open_inner_class();
    if (rest.starts_with("&&")) return subtract();
    if (rest[0] == ']') return close_class();
    copy(1);
    return {};
  }

  // A hyphen beside the bracket of a class inside a class is no range, but would be without it.
  Status drop_bracket() {
    if (out_.back() == '-') return refused(in_, "a class inside a class beside '-'");
    at_ += 1;
    if (at_ < in_.size() && in_[at_] == '-') {
      out_ += "\\-";
      at_ += 1;
    }
    return {};
  }

  Status open_inner_class() {
    char next = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
    if (in_inner_class_ || !minuend_.empty() || next == '^' || next == ']')
      return refused(in_, "a class inside a class, which is supported only as in [a[bc]]");
    in_inner_class_ = true;
    return drop_bracket();
  }

  // The members so far become what a look-ahead takes from: [a&&[^b]] is an a that is no b.
  Status subtract() {
    std::string members = out_.substr(class_begin_);
    if (in_inner_class_ || !minuend_.empty() || members.size() < 2 || members[1] == '^' ||
        !in_.substr(at_).starts_with("&&[^"))
      return refused(in_, "'&&' in a class, which is supported only as in [a&&[^b]]");
    minuend_ = std::move(members);
    out_.resize(class_begin_);
    out_ += "(?:(?![";
    at_ += 4;
    return {};
  }

  Status close_class() {
    if (in_inner_class_) {
      in_inner_class_ = false;
      return drop_bracket();
    }
    in_class_ = false;
    copy(1);
    if (minuend_.empty()) return {};
    if (at_ >= in_.size() || in_[at_] != ']')
      return refused(in_, "'&&' in a class, which is supported only as in [a&&[^b]]");
    out_ += ")" + minuend_ + "])";
    minuend_.clear();
    at_ += 1;
    return {};
  }

  Status interval() {
    size_t close = in_.find('}', at_);
    std::string_view body =
        close == std::string_view::npos ? std::string_view() : in_.substr(at_ + 1, close - at_ - 1);
    if (body.empty() || body == "," ||
        body.find_first_not_of("0123456789,") != std::string_view::npos) {
      copy(1);
      return {};
    }
    if (close + 1 < in_.size() && in_[close + 1] == '+')
      return refused(
          in_, "'}+', which regular expression libraries read in two ways; write (?:...{n,m})+");
    out_ += body[0] == ',' ? "{0" : "{";
    at_ += 1;
    copy(body.size() + 1);
    return {};
  }

  std::string_view in_;
  size_t at_ = 0;
  bool in_class_ = false, in_inner_class_ = false;
  size_t class_begin_ = 0;  // of the open class, in out_
  std::string minuend_;     // "[a" of an open [a&&[^b]]; else empty
  std::string out_;
};

}  // namespace

Result<std::string> to_pcre2_syntax(std::string_view pattern) { return Rewriter(pattern).run(); }

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  pcre2_match_context* limits = nullptr;
  bool jit = false;

  Compiled() = default;
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  ~Compiled() {
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
  }
};

Result<Regex> Regex::compile(std::string_view pattern) {
  std::string rewritten = TRY(to_pcre2_syntax(pattern));
  auto compiled = std::make_shared<Compiled>();
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  if (context) pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE offset = 0;
  compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rewritten.data()), rewritten.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                 &code, &offset, context);
  pcre2_compile_context_free(context);
  if (!compiled->code) {
    PCRE2_UCHAR message[160] = {};
    pcre2_get_error_message(code, message, sizeof message);
    return Error("the regular expression '" + std::string(pattern) +
                 "' does not compile: " + reinterpret_cast<const char*>(message) + " (near '" +
                 clean_utf8(std::string_view(rewritten).substr(
                     std::min<size_t>(offset, rewritten.size()), 20)) +
                 "')");
  }
  compiled->limits = pcre2_match_context_create(nullptr);
  if (!compiled->limits) return Error("out of memory", ErrorKind::out_of_memory);
  pcre2_set_match_limit(compiled->limits, match_limit);
  pcre2_set_heap_limit(compiled->limits, heap_limit_kib);
  compiled->jit = pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE) == 0;
  Regex regex;
  regex.compiled_ = std::move(compiled);
  return regex;
}

bool Regex::for_each_match(std::string_view text,
                           const std::function<void(size_t begin, size_t end)>& on_match) const {
  std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
      pcre2_match_data_create(1, nullptr), pcre2_match_data_free);
  if (!data) return false;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const PCRE2_SIZE* match = pcre2_get_ovector_pointer(data.get());
  size_t at = 0, previous_end = std::string_view::npos;
  while (at <= text.size()) {
    int code = PCRE2_ERROR_JIT_STACKLIMIT;
    if (compiled_->jit)
      code = pcre2_jit_match(compiled_->code, subject, text.size(), at, PCRE2_NO_UTF_CHECK,
                             data.get(), compiled_->limits);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)  // the interpreter keeps its stack on the heap
      code = pcre2_match(compiled_->code, subject, text.size(), at,
                         PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(), compiled_->limits);
    if (code == PCRE2_ERROR_NOMATCH) return true;
    if (code < 0) return false;
    size_t begin = match[0], end = match[1];
    if (begin > end || end < at)
      return false;  // \K in a look-ahead can end a match before its start
    if (begin == end && end == previous_end) {
      if (end == text.size()) return true;
      at = end + utf8_at(text, end).size_bytes;
      continue;
    }
    on_match(begin, end);
    at = previous_end = end;
  }
  return true;
}

}  // namespace weft::text
