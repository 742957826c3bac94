// Streaming decode: bytes of tokens, less what the decoder strips at the start, through the UTF-8
// cleaner.
#include "core/text/detokenizer.h"

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

void Detokenizer::push(int64_t id, std::string& out) {
  auto token = tokenizer_.id_to_token(id);
  if (!token || (skip_special_ && tokenizer_.is_special(id))) return;
  const TokenDecoder& decoder = tokenizer_.decoder();
  if (first_ && decoder.first_token_differs()) {
    emit(decoder.first_token_bytes(*token), out);
  } else {
    if (!first_) emit(decoder.separator(), out);
    emit(tokenizer_.token_bytes(id), out);
  }
  first_ = false;
}

void Detokenizer::flush(std::string& out) {
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
