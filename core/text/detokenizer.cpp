// Streaming decode: bytes of tokens, less what the decoder strips at the start, through the UTF-8
// cleaner.
#include "core/text/detokenizer.h"

#include <algorithm>

namespace weft::text {

Detokenizer::Detokenizer(Tokenizer tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)),
      skip_special_(skip_special),
      strip_left_(tokenizer_.decoder().strip_start_count()) {}

void Detokenizer::emit(std::string_view bytes, std::string& out) {
  while (strip_left_ > 0 && !bytes.empty()) {
    if (bytes[0] != tokenizer_.decoder().strip_start_char()) {
      strip_left_ = 0;
      break;
    }
    bytes.remove_prefix(1);
    --strip_left_;
  }
  cleaner_.push(bytes, out);
}

void Detokenizer::emit_last(std::string_view token, std::string& out) {
  const TokenDecoder& decoder = tokenizer_.decoder();
  rest_inside_ = decoder.token_bytes(token, {first_, false});
  rest_at_end_ = decoder.token_bytes(token, {first_, true});
  auto differs = std::mismatch(rest_inside_.begin(), rest_inside_.end(), rest_at_end_.begin(),
                               rest_at_end_.end());
  auto common = static_cast<size_t>(differs.first - rest_inside_.begin());
  emit(std::string_view(rest_inside_).substr(0, common), out);
  rest_inside_.erase(0, common);
  rest_at_end_.erase(0, common);
}

void Detokenizer::push(int64_t id, std::string& out) {
  auto token = tokenizer_.id_to_token(id);
  if (!token || (skip_special_ && tokenizer_.is_special(id))) return;
  const TokenDecoder& decoder = tokenizer_.decoder();
  if (!first_) emit(decoder.separator(), out);
  if (decoder.last_token_differs()) {
    emit(rest_inside_, out);
    emit_last(*token, out);
  } else if (first_ && decoder.first_token_differs()) {
    emit(decoder.token_bytes(*token, {.first = true}), out);
  } else {
    emit(tokenizer_.token_bytes(id), out);
  }
  first_ = false;
}

void Detokenizer::flush(std::string& out) {
  emit(rest_at_end_, out);
  rest_inside_.clear();
  rest_at_end_.clear();
  cleaner_.flush(out);
  first_ = true;
  strip_left_ = tokenizer_.decoder().strip_start_count();
}

std::string Detokenizer::push(int64_t id) {
  std::string out;
  push(id, out);
  return out;
}

std::string Detokenizer::flush() {
  std::string out;
  flush(out);
  return out;
}

}  // namespace weft::text
