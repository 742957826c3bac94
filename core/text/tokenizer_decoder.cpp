// Decoders, token by token.
#include "core/text/tokenizer_decoder.h"

#include <algorithm>

#include "core/text/tokenizer_fields.h"
#include "core/text/unicode.h"

namespace weft::text {
namespace {

constexpr std::string_view supported_types =
    "ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, WordPiece, BPEDecoder, Sequence";
constexpr int64_t max_strip = 1024;

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  if (from.empty()) return std::string(text);
  std::string out;
  size_t done = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, done)) {
    out.append(text.substr(done, at - done)).append(to);
    done = at + from.size();
  }
  return out.append(text.substr(done));
}

// What WordPiece's clean-up undoes, in this order, inside one token.
constexpr std::pair<std::string_view, std::string_view> cleanups[] = {
    {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
    {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
    {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

// A token with a character outside the alphabet (an added token) stands for itself.
std::string from_byte_level(std::string_view token) {
  std::string out;
  for (size_t at = 0; at < token.size();) {
    Utf8Char c = utf8_at(token, at);
    int byte = char_to_byte(c.code);
    if (byte < 0) return std::string(token);
    out.push_back(static_cast<char>(byte));
    at += c.size_bytes;
  }
  return out;
}

std::string from_byte_fallback(std::string_view token) {
  auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  if (token.size() == 6 && token.starts_with("<0x") && token.ends_with('>') &&
      digit(token[3]) >= 0 && digit(token[4]) >= 0)
    return std::string(1, static_cast<char>(digit(token[3]) * 16 + digit(token[4])));
  return std::string(token);
}

}  // namespace

Result<TokenDecoder> TokenDecoder::parse(const Field& field) {
  TokenDecoder out;
  if (!field.present()) {
    out.separator_ = " ";
  } else {
    TRY(out.add(field, 0));
  }
  return out;
}

Status TokenDecoder::add(const Field& field, int depth) {
  Field type_field = field.member("type");
  std::string type = TRY(read_string(type_field));
  if (type == "Sequence") {
    if (depth >= max_sequence_depth) return Error(field.path + " nests too deeply");
    for (const Field& step : TRY(read_array(field.member("decoders")))) TRY(add(step, depth + 1));
    return {};
  }
  if (type == "Strip") return add_strip(field);
  if (type == "Fuse") {
    fused_ = true;
    return {};
  }
  // What follows a Fuse sees the whole text, which would have to be known before any of it is
  // printed.
  if (fused_) return wrong_value(type_field, "after a Fuse: Strip, Fuse");
  if (type == "ByteLevel") {
    steps_.push_back(ByteLevel{});
  } else if (type == "ByteFallback") {
    steps_.push_back(ByteFallback{});
  } else if (type == "Replace") {
    Pattern from = TRY(Pattern::parse(field.member("pattern")));
    steps_.push_back(Replace{std::move(from), TRY(read_string(field.member("content")))});
  } else if (type == "WordPiece") {
    std::string prefix = TRY(read_string(field.member("prefix"), "##"));
    steps_.push_back(WordPiece{std::move(prefix), TRY(read_bool(field.member("cleanup"), true))});
  } else if (type == "BPEDecoder") {
    steps_.push_back(WordEnd{TRY(read_string(field.member("suffix"), "</w>"))});
  } else if (type == "Metaspace") {
    Metaspace step;
    append_utf8(step.mark, TRY(read_char(field.member("replacement"), U'\u2581')));
    bool prefix = TRY(read_bool(field.member("add_prefix_space"), true));
    std::string scheme =
        TRY(read_string(field.member("prepend_scheme"), prefix ? "always" : "never"));
    step.drop_first = scheme != "never";
    steps_.push_back(std::move(step));
  } else {
    return wrong_value(type_field, supported_types);
  }
  return {};
}

Status TokenDecoder::add_strip(const Field& field) {
  Field content_field = field.member("content"), start_field = field.member("start"),
        stop_field = field.member("stop");
  char32_t content = TRY(read_char(content_field));
  int64_t start = TRY(read_int(start_field)), stop = TRY(read_int(stop_field));
  if (start < 0 || start > max_strip) return wrong_value(start_field, "0 to 1024");
  if (stop < 0 || stop > max_strip) return wrong_value(stop_field, "0 to 1024");
  if (!fused_) {
    std::string text;
    append_utf8(text, content);
    steps_.push_back(Strip{std::move(text), static_cast<size_t>(start), static_cast<size_t>(stop)});
    return {};
  }
  if (stop != 0) return wrong_value(stop_field, "after a Fuse: 0");
  if (content >= 0x80) return wrong_value(content_field, "after a Fuse: an ASCII character");
  if (strip_start_count_ != 0)
    return Error(field.path + " is a second Strip after a Fuse; supported: one");
  strip_start_count_ = static_cast<size_t>(start);
  strip_start_char_ = static_cast<char>(content);
  return {};
}

std::string TokenDecoder::apply(const WordPiece& step, std::string_view token, Position position) {
  std::string text(token);
  if (!position.first) {
    if (token.starts_with(step.prefix)) {
      text.erase(0, step.prefix.size());
    } else {
      text.insert(0, " ");
    }
  }
  if (!step.cleanup) return text;
  for (const auto& [from, to] : cleanups) text = replace_all(text, from, to);
  return text;
}

std::string TokenDecoder::apply(const Step& step, std::string_view token, Position position) {
  if (std::holds_alternative<ByteLevel>(step)) return from_byte_level(token);
  if (std::holds_alternative<ByteFallback>(step)) return from_byte_fallback(token);
  if (const auto* replace = std::get_if<Replace>(&step))
    return replace->from.replace_all(token, replace->to);
  if (const auto* meta = std::get_if<Metaspace>(&step))
    return replace_all(token, meta->mark, position.first && meta->drop_first ? "" : " ");
  if (const auto* pieces = std::get_if<WordPiece>(&step)) return apply(*pieces, token, position);
  if (const auto* end = std::get_if<WordEnd>(&step))
    return replace_all(token, end->suffix, position.last ? "" : " ");
  const auto& strip = std::get<Strip>(step);
  for (size_t i = 0; i < strip.start && token.starts_with(strip.content); ++i)
    token.remove_prefix(strip.content.size());
  for (size_t i = 0; i < strip.stop && token.ends_with(strip.content); ++i)
    token.remove_suffix(strip.content.size());
  return std::string(token);
}

std::string TokenDecoder::token_bytes(std::string_view token, Position position) const {
  std::string text(token);
  for (const Step& step : steps_) {
    text = apply(step, text, position);
    // A byte on its own is no text to the steps behind.
    if (std::holds_alternative<ByteFallback>(step) && !is_valid_utf8(text)) break;
    if (std::holds_alternative<ByteLevel>(step)) break;
  }
  return text;
}

bool TokenDecoder::first_token_differs() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    const auto* meta = std::get_if<Metaspace>(&step);
    return std::holds_alternative<WordPiece>(step) || (meta && meta->drop_first);
  });
}

bool TokenDecoder::last_token_differs() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return std::holds_alternative<WordEnd>(step); });
}

}  // namespace weft::text
