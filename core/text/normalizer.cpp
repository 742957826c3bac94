// Normalizers: each step maps a whole string to a whole string.
#include "core/text/normalizer.h"

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

constexpr std::string_view supported_types =
    "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, ByteLevel, Sequence";

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
  } else if (type == "NFC") {
    steps_.push_back(NormalForm::nfc);
  } else if (type == "NFD") {
    steps_.push_back(NormalForm::nfd);
  } else if (type == "NFKC") {
    steps_.push_back(NormalForm::nfkc);
  } else if (type == "NFKD") {
    steps_.push_back(NormalForm::nfkd);
  } else if (type == "Lowercase") {
    steps_.push_back(Simple::lowercase);
  } else if (type == "StripAccents") {
    steps_.push_back(Simple::strip_accents);
  } else if (type == "ByteLevel") {
    steps_.push_back(Simple::byte_level);
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

std::string Normalizer::apply(const Step& step, std::string_view text) {
  if (const auto* form = std::get_if<NormalForm>(&step)) return normal_form(text, *form);
  if (const auto* sides = std::get_if<Strip>(&step)) return strip(text, sides->left, sides->right);
  if (const auto* prepend = std::get_if<Prepend>(&step))
    return text.empty() ? std::string() : prepend->text + std::string(text);
  if (const auto* replace = std::get_if<Replace>(&step)) {
    std::string out;
    size_t done = 0;
    replace->pattern.for_each_match(text, [&](size_t begin, size_t end) {
      out.append(text.substr(done, begin - done)).append(replace->content);
      done = end;
    });
    return out.append(text.substr(done));
  }
  switch (std::get<Simple>(step)) {
    case Simple::lowercase:
      return map_chars(text, append_lowercase);
    case Simple::strip_accents:
      return map_chars(text, [](std::string& out, char32_t c) {
        if (!is_mark(c)) append_utf8(out, c);
      });
    case Simple::byte_level:
      break;
  }
  std::string out;
  for (char byte : text) append_utf8(out, byte_to_char(static_cast<uint8_t>(byte)));
  return out;
}

std::string Normalizer::normalize(std::string_view text) const {
  std::string out(text);
  for (const Step& step : steps_) out = apply(step, out);
  return out;
}

}  // namespace weft::text
