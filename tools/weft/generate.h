// Prompt in, tokens out, one at a time: the loop that run and chat share.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/runtime/session.h"
#include "core/text/detokenizer.h"
#include "core/text/sampler.h"

namespace weft::cli {

struct Generation {
  std::vector<int64_t> ids;         // picked tokens, the end token included
  bool ended = false;               // by an end token
  bool stopped = false;             // by *stop
  double prompt_ms = 0;             // feeding the prompt, first pick included
  double decode_ms = 0;             // all later tokens
  double first_token_at_ms = 0;     // since the process started
  uint64_t decode_allocations = 0;  // from the third token on: the first two warm the buffers up
  uint64_t decode_copied_bytes = 0;
  uint64_t counted_tokens = 0;  // how many tokens the two counters cover
};

struct GenerateOptions {
  int64_t max_tokens = 256;
  std::vector<int64_t> end_tokens;
  // Called with complete UTF-8 text as it comes.
  std::function<void(std::string_view)> on_text;
  runtime::Session::Progress on_prompt;
  const volatile bool* stop = nullptr;  // set from a signal handler
};

// Feeds `prompt` and picks tokens until an end token, max_tokens, a full context or *stop. What was
// picked last is not fed.
Result<Generation> generate(runtime::Session& session, text::Sampler& sampler,
                            text::Detokenizer& detokenizer, std::span<const int64_t> prompt,
                            const GenerateOptions& options);

}  // namespace weft::cli
