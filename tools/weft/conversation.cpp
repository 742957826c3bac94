#include "tools/weft/conversation.h"

#include <algorithm>

namespace weft::cli {

namespace {

Reply::End end_of(const Generation& generation, int64_t max_tokens) {
  if (generation.ended) return Reply::End::end_token;
  if (generation.stopped)
    return generation.ids.empty() ? Reply::End::unanswered : Reply::End::stopped;
  return int64_t(generation.ids.size()) >= max_tokens ? Reply::End::length : Reply::End::full;
}

}  // namespace

Conversation::Conversation(runtime::Session& session, text::Tokenizer tokenizer,
                           text::ChatTemplate chat, std::vector<int64_t> end_tokens)
    : session_(session),
      tokenizer_(std::move(tokenizer)),
      chat_(std::move(chat)),
      end_tokens_(std::move(end_tokens)) {}

Result<Reply> Conversation::say(const std::string& message, const ChatSettings& settings,
                                const Events& events) {
  history_.push_back({"user", message});
  Result<Reply> reply = answer(settings, events);
  if (reply.ok() && reply->end != Reply::End::unanswered) {
    history_.push_back({"assistant", reply->text});
  } else {
    history_.pop_back();
  }
  return reply;
}

void Conversation::reset() {
  history_.clear();
  cached_.clear();
  (void)session_.truncate(0);
}

Result<std::vector<int64_t>> Conversation::prompt_ids(const std::string& system) const {
  std::vector<text::ChatMessage> messages;
  if (!system.empty()) messages.push_back({"system", system});
  messages.insert(messages.end(), history_.begin(), history_.end());
  std::vector<int64_t> ids = tokenizer_.encode(TRY(chat_.render(messages, {})), true);
  if (ids.empty()) return Error{"the chat template makes nothing of this conversation"};
  for (const int64_t id : ids) {
    if (id >= session_.vocabulary()) {
      return Error{"the tokenizer has a token " + std::to_string(id) +
                   ", but the model's vocabulary ends at " + std::to_string(session_.vocabulary())};
    }
  }
  return ids;
}

Status Conversation::check_room(size_t tokens) const {
  if (int64_t(tokens) <= capacity()) return {};
  const std::string holds = " tokens, but the context holds " + std::to_string(capacity());
  if (history_.size() == 1) {
    return Error{"the message has " + std::to_string(tokens) + holds + "; a larger -c holds more",
                 ErrorKind::usage};
  }
  return Error{"the context is full: the conversation with this message has " +
                   std::to_string(tokens) + holds +
                   "; /reset forgets the conversation, a larger -c holds more",
               ErrorKind::usage};
}

Result<Reply> Conversation::answer(const ChatSettings& settings, const Events& events) {
  const std::vector<int64_t> prompt = TRY(prompt_ids(settings.system));
  TRY(check_room(prompt.size()));
  text::SamplerOptions drawing = settings.sampler;
  drawing.seed += history_.size() / 2;
  text::Sampler sampler = TRY(text::Sampler::create(drawing, session_.vocabulary()));

  // The last id is fed in any case: its logits are the answer's beginning.
  const auto differs =
      std::mismatch(prompt.begin(), prompt.end() - 1, cached_.begin(), cached_.end());
  Reply reply;
  reply.prompt_tokens = prompt.size();
  reply.reused_tokens = size_t(differs.first - prompt.begin());
  TRY(session_.truncate(int64_t(reply.reused_tokens)));
  cached_ = prompt;
  for (size_t i = 0; i < reply.reused_tokens; ++i) sampler.accept(prompt[i]);
  const auto rest = std::span(prompt).subspan(reply.reused_tokens);

  GenerateOptions options;
  options.max_tokens = settings.max_tokens > 0 ? settings.max_tokens : capacity();
  options.end_tokens = end_tokens_;
  options.stop = events.stop;
  options.on_prompt = [&](int64_t done) {
    if (events.on_prompt) events.on_prompt(size_t(done), rest.size());
    return !(events.stop && *events.stop);
  };
  options.on_text = [&](std::string_view piece) {
    reply.text += piece;
    if (events.on_text) events.on_text(piece);
  };
  text::Detokenizer detokenizer(tokenizer_, true);
  auto generation = generate(session_, sampler, detokenizer, rest, options);
  if (!generation.ok()) {
    // Some of the prompt may have been fed, and some of an answer that is lost.
    TRY(session_.truncate(std::min(session_.past(), int64_t(prompt.size()))));
    cached_.resize(size_t(session_.past()));
    if (!(events.stop && *events.stop)) return std::move(generation).error();
    reply.end = Reply::End::unanswered;
    return reply;
  }
  reply.generation = std::move(*generation);
  cached_.insert(cached_.end(), reply.generation.ids.begin(), reply.generation.ids.end());
  cached_.resize(size_t(session_.past()));
  reply.end = end_of(reply.generation, options.max_tokens);
  return reply;
}

}  // namespace weft::cli
