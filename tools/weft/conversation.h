// A conversation with a model, without a terminal: what was said, which of it the model has in its
// cache, and when the context is full.
//
//   history ── chat template ──► ids of the whole conversation
//                                 │ compared, id by id, with the ids in the KV cache
//                                 ▼
//                        shared prefix: kept      the rest: truncated, then fed
//
// Comparing ids is all the bookkeeping there is: a changed system message, an answer whose text
// tokenizes differently from how it was generated, a template that rewrites earlier turns, each
// only makes the shared prefix shorter. An answer does not depend on how much was reused.
//
// Threads: one at a time; `stop` may be set from a signal handler.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/session.h"
#include "core/text/chat_template.h"
#include "core/text/sampler.h"
#include "core/text/tokenizer.h"
#include "tools/weft/generate.h"

namespace weft::cli {

// What /set changes; holds from the next message on.
struct ChatSettings {
  text::SamplerOptions sampler;  // message n of a conversation draws with seed + n
  int64_t max_tokens = 1024;     // of one answer; 0: what the context holds
  std::string system;            // empty: none
};

struct Reply {
  enum class End {
    end_token,
    length,      // max_tokens
    full,        // no position of the context is left
    stopped,     // *stop, within the answer
    unanswered,  // *stop, before its first token: the message is forgotten
  };
  std::string text;
  End end = End::end_token;
  Generation generation;
  size_t prompt_tokens = 0;  // of the whole conversation
  size_t reused_tokens = 0;  // of these, found in the cache
};

class Conversation {
 public:
  // `session` must be empty and outlive this.
  Conversation(runtime::Session& session, text::Tokenizer tokenizer, text::ChatTemplate chat,
               std::vector<int64_t> end_tokens);

  struct Events {
    std::function<void(std::string_view)> on_text;               // complete UTF-8, as it comes
    std::function<void(size_t done, size_t to_feed)> on_prompt;  // after every chunk
    const volatile bool* stop = nullptr;
  };

  // Adds a message and the model's answer to the history; of a stopped answer, what there is. When
  // it fails, the message is forgotten: the conversation does not fit (ErrorKind::usage), the
  // template refuses it, or the model does.
  Result<Reply> say(const std::string& message, const ChatSettings& settings, const Events& events);
  // Forgets everything.
  void reset();

  const std::vector<text::ChatMessage>& history() const { return history_; }
  // Positions of the context that are taken, and that there are.
  int64_t used() const { return session_.past(); }
  int64_t capacity() const { return session_.capacity(); }

 private:
  Result<std::vector<int64_t>> prompt_ids(const std::string& system) const;
  Status check_room(size_t tokens) const;
  Result<Reply> answer(const ChatSettings& settings, const Events& events);

  runtime::Session& session_;
  text::Tokenizer tokenizer_;
  text::ChatTemplate chat_;
  std::vector<int64_t> end_tokens_;
  std::vector<text::ChatMessage> history_;
  std::vector<int64_t> cached_;  // the ids behind the session's positions
};

}  // namespace weft::cli
