#include "tools/weft/generate.h"

#include <algorithm>

#include "core/base/counters.h"
#include "tools/weft/clock.h"

namespace weft::cli {

namespace {

constexpr size_t kWarmTokens = 2;

}  // namespace

Result<Generation> generate(runtime::Session& session, text::Sampler& sampler,
                            text::Detokenizer& detokenizer, std::span<const int64_t> prompt,
                            const GenerateOptions& options) {
  Generation out;
  out.ids.reserve(size_t(std::max<int64_t>(options.max_tokens, 0)));
  std::string text;
  text.reserve(4096);
  const auto start = Clock::now();
  for (const int64_t id : prompt) sampler.accept(id);
  std::span<const float> logits = TRY(session.feed(prompt, 1, options.on_prompt));
  out.prompt_ms = ms_since(start);
  auto decode_start = Clock::now();
  uint64_t allocations = 0, copied = 0;
  const auto ends = [&](int64_t id) {
    return std::find(options.end_tokens.begin(), options.end_tokens.end(), id) !=
           options.end_tokens.end();
  };
  while (int64_t(out.ids.size()) < options.max_tokens && !(options.stop && *options.stop)) {
    const int64_t id = TRY(sampler.sample(logits));
    sampler.accept(id);
    out.ids.push_back(id);
    if (out.ids.size() == 1) {
      out.prompt_ms = ms_since(start);
      out.first_token_at_ms = since_start_ms();
      decode_start = Clock::now();
    }
    if (out.ids.size() == kWarmTokens) {
      allocations = counters().heap_allocations;
      copied = counters().bytes_copied;
    }
    out.ended = ends(id);
    if (out.ended) break;
    text.clear();
    detokenizer.push(id, text);
    if (options.on_text && !text.empty()) options.on_text(text);
    if (session.past() >= session.capacity()) break;
    if (int64_t(out.ids.size()) == options.max_tokens) break;
    logits = TRY(session.feed(std::span(&out.ids.back(), 1), 1));
  }
  out.stopped = options.stop && *options.stop;
  out.decode_ms = ms_since(decode_start);
  if (out.ids.size() > kWarmTokens) {
    out.decode_allocations = counters().heap_allocations - allocations;
    out.decode_copied_bytes = counters().bytes_copied - copied;
    out.counted_tokens = out.ids.size() - kWarmTokens;
  }
  text.clear();
  detokenizer.flush(text);
  if (options.on_text && !text.empty()) options.on_text(text);
  return out;
}

}  // namespace weft::cli
