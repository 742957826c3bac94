// Normalizers: each step maps a whole string to a whole string.
#include "core/text/normalizer.h"

#include <algorithm>

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

constexpr std::string_view supported_types =
    "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, ByteLevel, "
    "Precompiled, Nmt, BertNormalizer, Sequence";

struct FormName {
  std::string_view type;
  NormalForm form;
};
constexpr FormName forms[] = {{"NFC", NormalForm::nfc},
                              {"NFD", NormalForm::nfd},
                              {"NFKC", NormalForm::nfkc},
                              {"NFKD", NormalForm::nfkd}};

// Appends f(character) for every character of `text`.
template <typename F>
std::string map_chars(std::string_view text, F f) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = utf8_at(text, at);
    f(out, c.code);
    at += c.size_bytes;
  }
  return out;
}

std::string strip(std::string_view text, bool left, bool right) {
  size_t begin = std::string_view::npos, end = 0;
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = utf8_at(text, at);
    if (!is_whitespace(c.code)) {
      begin = std::min(begin, at);
      end = at + c.size_bytes;
    }
    at += c.size_bytes;
  }
  if (begin == std::string_view::npos) return left || right ? std::string() : std::string(text);
  if (!left) begin = 0;
  if (!right) end = text.size();
  return std::string(text.substr(begin, end - begin));
}

// BERT's first step. Its word for controls is the category, with the white space among them kept.
void append_clean(std::string& out, char32_t c) {
  if (is_whitespace(c) && (c == '\t' || c == '\n' || c == '\r' || !is_control(c))) {
    out.push_back(' ');
  } else if (c != 0 && c != 0xfffd && !is_control(c)) {
    append_utf8(out, c);
  }
}

// The ranges are those of the library: one of them starts at 2b920, where the block starts at
// 2b820.
bool is_chinese(char32_t c) {
  return (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

void append_spaced_out(std::string& out, char32_t c) {
  if (!is_chinese(c)) return append_utf8(out, c);
  out.push_back(' ');
  append_utf8(out, c);
  out.push_back(' ');
}

// SentencePiece's rule set "nmt": a few controls go, a few signs become spaces.
void append_nmt(std::string& out, char32_t c) {
  if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f ||
      c == 0x9f)
    return;
  bool space = c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
               (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
               c == 0xfeff || c == 0xfffd;
  append_utf8(out, space ? U' ' : c);
}

}  // namespace

Result<Pattern> Pattern::parse(const Field& field) {
  Pattern out;
  Field text = field.member("String"), regex = field.member("Regex");
  if (text.present()) {
    out.what_ = TRY(read_string(text));
  } else if (regex.present()) {
    out.what_ = TRY(Regex::compile(TRY(read_string(regex))), field.path);
  } else {
    return wrong_value(field, R"({"String": ...}, {"Regex": ...})");
  }
  return out;
}

bool Pattern::for_each_match(std::string_view text,
                             const std::function<void(size_t begin, size_t end)>& on_match) const {
  if (const Regex* regex = std::get_if<Regex>(&what_)) return regex->for_each_match(text, on_match);
  const std::string& needle = std::get<std::string>(what_);
  if (needle.empty()) return true;
  for (size_t at = text.find(needle); at != std::string_view::npos;
       at = text.find(needle, at + needle.size()))
    on_match(at, at + needle.size());
  return true;
}

std::string Pattern::replace_all(std::string_view text, std::string_view replacement) const {
  std::string out;
  size_t done = 0;
  for_each_match(text, [&](size_t begin, size_t end) {
    out.append(text.substr(done, begin - done)).append(replacement);
    done = end;
  });
  return out.append(text.substr(done));
}

Result<Normalizer> Normalizer::parse(const Field& field) {
  Normalizer out;
  if (field.present()) TRY(out.add(field, 0));
  return out;
}

Status Normalizer::add(const Field& field, int depth) {
  std::string type = TRY(read_string(field.member("type")));
  if (type == "Sequence") {
    if (depth >= max_sequence_depth) return Error(field.path + " nests too deeply");
    for (const Field& step : TRY(read_array(field.member("normalizers"))))
      TRY(add(step, depth + 1));
  } else if (auto form = std::find_if(std::begin(forms), std::end(forms),
                                      [&](const FormName& f) { return f.type == type; });
             form != std::end(forms)) {
    steps_.push_back(form->form);
  } else if (type == "Lowercase") {
    steps_.push_back(Simple::lowercase);
  } else if (type == "StripAccents") {
    steps_.push_back(Simple::strip_accents);
  } else if (type == "ByteLevel") {
    steps_.push_back(Simple::byte_level);
  } else if (type == "Nmt") {
    steps_.push_back(Simple::nmt);
  } else if (type == "BertNormalizer") {
    return add_bert(field);
  } else if (type == "Precompiled") {
    Field map = field.member("precompiled_charsmap");
    steps_.push_back(TRY(Charsmap::parse(TRY(read_string(map))), map.path));
  } else if (type == "Strip") {
    bool left = TRY(read_bool(field.member("strip_left"), true));
    bool right = TRY(read_bool(field.member("strip_right"), true));
    steps_.push_back(Strip{left, right});
  } else if (type == "Replace") {
    Pattern pattern = TRY(Pattern::parse(field.member("pattern")));
    steps_.push_back(Replace{std::move(pattern), TRY(read_string(field.member("content")))});
  } else if (type == "Prepend") {
    steps_.push_back(Prepend{TRY(read_string(field.member("prepend")))});
  } else {
    return wrong_value(field.member("type"), supported_types);
  }
  return {};
}

Status Normalizer::add_bert(const Field& field) {
  bool lowercase = TRY(read_bool(field.member("lowercase"), true));
  bool strip_accents = TRY(read_bool(field.member("strip_accents"), lowercase));
  if (TRY(read_bool(field.member("clean_text"), true))) steps_.push_back(Simple::clean_controls);
  if (TRY(read_bool(field.member("handle_chinese_chars"), true)))
    steps_.push_back(Simple::space_out_chinese);
  if (strip_accents) {
    steps_.push_back(NormalForm::nfd);
    steps_.push_back(Simple::strip_nonspacing);
  }
  if (lowercase) steps_.push_back(Simple::lowercase);
  return {};
}

std::string Normalizer::apply(const Step& step, std::string_view text) {
  if (const auto* form = std::get_if<NormalForm>(&step)) return normal_form(text, *form);
  if (const auto* sides = std::get_if<Strip>(&step)) return strip(text, sides->left, sides->right);
  if (const auto* prepend = std::get_if<Prepend>(&step))
    return text.empty() ? std::string() : prepend->text + std::string(text);
  if (const auto* replace = std::get_if<Replace>(&step))
    return replace->pattern.replace_all(text, replace->content);
  if (const auto* charsmap = std::get_if<Charsmap>(&step)) return charsmap->normalize(text);
  return apply(std::get<Simple>(step), text);
}

std::string Normalizer::apply(const Simple& step, std::string_view text) {
  switch (step) {
    case Simple::lowercase:
      return map_chars(text, append_lowercase);
    case Simple::strip_accents:
      return map_chars(text, [](std::string& out, char32_t c) {
        if (!is_mark(c)) append_utf8(out, c);
      });
    case Simple::strip_nonspacing:
      return map_chars(text, [](std::string& out, char32_t c) {
        if (!is_nonspacing_mark(c)) append_utf8(out, c);
      });
    case Simple::clean_controls:
      return map_chars(text, append_clean);
    case Simple::space_out_chinese:
      return map_chars(text, append_spaced_out);
    case Simple::nmt:
      return map_chars(text, append_nmt);
    case Simple::byte_level:
      break;
  }
  std::string out;
  for (char byte : text) append_utf8(out, byte_to_char(static_cast<uint8_t>(byte)));
  return out;
}

// As the library the files are made with counts: what replaces a string stands for its last
// character, and charsmaps drop nothing.
bool Normalizer::drops_first(const Step& step, std::string_view text) {
  if (text.empty()) return false;
  Utf8Char first = utf8_at(text, 0);
  if (const auto* sides = std::get_if<Strip>(&step))
    return sides->left && is_whitespace(first.code);
  if (const auto* simple = std::get_if<Simple>(&step))
    return apply(*simple, text.substr(0, first.size_bytes)).empty();
  const auto* replace = std::get_if<Replace>(&step);
  if (!replace) return false;
  size_t kept = replace->content.empty() ? 0 : first.size_bytes;
  bool dropped = false;
  replace->pattern.for_each_match(
      text, [&](size_t begin, size_t end) { dropped |= begin == 0 && end > kept; });
  return dropped;
}

std::string Normalizer::normalize(std::string_view text, bool* first_dropped) const {
  if (first_dropped) *first_dropped = false;
  std::string out(text);
  for (const Step& step : steps_) {
    if (first_dropped) *first_dropped |= drops_first(step, out);
    out = apply(step, out);
  }
  return out;
}

}  // namespace weft::text
