// Search for added tokens, with the rules for white space and word borders of tokenizer.json.
#include "core/text/added_tokens.h"

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

uint64_t edge(uint32_t node, char byte) { return uint64_t{node} << 8 | static_cast<uint8_t>(byte); }

// Start of the last character of `text`, which is not empty.
size_t last_char(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

bool ends_in_word(std::string_view text) {
  return !text.empty() && is_word(utf8_at(text, last_char(text)).code);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word(utf8_at(text, 0).code);
}

// Where the white space at the end of `text` begins.
size_t trailing_space(std::string_view text) {
  while (!text.empty()) {
    size_t at = last_char(text);
    if (!is_whitespace(utf8_at(text, at).code)) break;
    text = text.substr(0, at);
  }
  return text.size();
}

// Where the white space at the start of `text` ends.
size_t leading_space(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    Utf8Char c = utf8_at(text, at);
    if (!is_whitespace(c.code)) break;
    at += c.size_bytes;
  }
  return at;
}

Result<AddedToken> parse_token(const Field& field) {
  AddedToken token;
  token.id = TRY(read_token_id(field.member("id")));
  token.content = TRY(read_string(field.member("content")));
  token.special = TRY(read_bool(field.member("special"), false));
  token.single_word = TRY(read_bool(field.member("single_word"), false));
  token.lstrip = TRY(read_bool(field.member("lstrip"), false));
  token.rstrip = TRY(read_bool(field.member("rstrip"), false));
  token.normalized = TRY(read_bool(field.member("normalized"), !token.special));
  return token;
}

}  // namespace

void StringMatcher::add(std::string_view text, uint32_t value) {
  if (text.empty()) return;
  starts_[static_cast<uint8_t>(text[0])] = true;
  uint32_t node = 0;
  for (char byte : text) {
    auto [it, fresh] = edges_.try_emplace(edge(node, byte), static_cast<uint32_t>(values_.size()));
    if (fresh) values_.push_back(no_value);
    node = it->second;
  }
  if (values_[node] == no_value) values_[node] = value;
}

bool StringMatcher::find(std::string_view text, size_t from, Match& match) const {
  if (empty()) return false;
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<uint8_t>(text[begin])]) continue;
    uint32_t node = 0, value = no_value;
    size_t end = begin;
    for (size_t at = begin; at < text.size(); ++at) {
      auto it = edges_.find(edge(node, text[at]));
      if (it == edges_.end()) break;
      node = it->second;
      if (values_[node] != no_value) {
        value = values_[node];
        end = at + 1;
      }
    }
    if (value != no_value) {
      match = {begin, end, value};
      return true;
    }
  }
  return false;
}

Result<AddedTokens> AddedTokens::parse(const Field& field, const Normalizer& normalizer) {
  AddedTokens out;
  if (!field.present()) return out;
  for (const Field& element : TRY(read_array(field))) {
    AddedToken token = TRY(parse_token(element));
    auto index = static_cast<uint32_t>(out.tokens_.size());
    if (!out.by_id_.emplace(token.id, index).second)
      return Error(element.path + ".id " + std::to_string(token.id) + " belongs to '" +
                   out.find(token.id)->content + "' already; every id may occur once");
    if (!out.by_content_.emplace(token.content, index).second)
      return Error(element.path + ".content '" + token.content + "' occurs twice in " + field.path +
                   "; it may occur once");
    if (token.normalized) {
      out.normalized_.add(normalizer.normalize(token.content), index);
    } else {
      out.raw_.add(token.content, index);
    }
    out.tokens_.push_back(std::move(token));
  }
  return out;
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  auto it = by_content_.find(std::string(content));
  return it == by_content_.end() ? nullptr : &tokens_[it->second];
}

const AddedToken* AddedTokens::find(int32_t id) const {
  auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &tokens_[it->second];
}

std::vector<AddedTokens::Piece> AddedTokens::cut(std::string_view text, bool normalized,
                                                 bool parse_special) const {
  const StringMatcher& matcher = normalized ? normalized_ : raw_;
  std::vector<Piece> pieces;
  size_t done = 0;
  StringMatcher::Match match;
  for (size_t from = 0; matcher.find(text, from, match); from = match.end) {
    const AddedToken& token = tokens_[match.value];
    if (token.special && !parse_special) continue;
    size_t begin = match.begin, end = match.end;
    if (token.single_word &&
        (ends_in_word(text.substr(0, begin)) || starts_with_word(text.substr(end))))
      continue;
    // The token before may have swallowed this white space, or the token's own first characters.
    if (token.lstrip) begin = trailing_space(text.substr(0, begin));
    begin = std::max(begin, done);
    if (token.rstrip) end += leading_space(text.substr(end));
    end = std::max(end, done);
    if (begin > done) pieces.push_back({text.substr(done, begin - done), nullptr});
    pieces.push_back({text.substr(begin, end - begin), &token});
    done = end;
  }
  if (done < text.size()) pieces.push_back({text.substr(done), nullptr});
  return pieces;
}

}  // namespace weft::text
