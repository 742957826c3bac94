// Text from token ids as they come, for output that streams.
//
// A token may end inside a character; those bytes are held back until the character is whole, so
// that whatever is handed out is valid UTF-8. Where a decoder treats the last token of a text in a
// way of its own, what differs is held back until the next token or the end. All that is handed
// out, joined, is what Tokenizer::decode gives for all the ids.
#pragma once

#include <cstdint>
#include <string>

#include "core/text/tokenizer.h"
#include "core/text/unicode.h"

namespace weft::text {

// One text. Owned by one thread.
class Detokenizer {
 public:
  // With `skip_special`, special tokens give no text.
  explicit Detokenizer(Tokenizer tokenizer, bool skip_special = false);

  // The characters that this id completes; often none. Ids that no token has give none.
  std::string push(int64_t id);
  // What is held back (parts of characters as U+FFFD). The next push begins a new text.
  std::string flush();

  // The same, appended to `out`.
  void push(int64_t id, std::string& out);
  void flush(std::string& out);

 private:
  void emit(std::string_view bytes, std::string& out);
  // Emits what the token gives in either case, and holds back the rest.
  void emit_last(std::string_view token, std::string& out);

  Tokenizer tokenizer_;
  bool skip_special_;
  Utf8Cleaner cleaner_;
  bool first_ = true;  // no token yet
  // The rest of the last token: if another follows, and if none does.
  std::string rest_inside_, rest_at_end_;
  size_t strip_left_ = 0;  // characters that may still be taken off the start
};

}  // namespace weft::text
