#include "tools/weft/chat_commands.h"

#include <fmt/format.h>

namespace weft::cli {

namespace {

constexpr const char* kHelp =
    R"(/help              this text
/reset             forget the conversation
/stats             time, tokens and memory
/set               list the settings; /set NAME VALUE changes one
/exit              leave; so does Ctrl-D

Ctrl-C             stops an answer, or clears the line
\ at a line's end  goes on in the next line; so does Esc Enter
"""                begins and ends a message of many lines
)";

double mib(int64_t bytes) { return double(bytes) / (1 << 20); }

double rate(size_t tokens, double ms) { return ms > 0 ? double(tokens) * 1000 / ms : 0; }

std::string stats(const ChatState& state) {
  const Engine& engine = *state.loaded.engine;
  const Conversation& conversation = state.conversation;
  std::string text = state.last ? answer_stats(*state.last) : "answer        none yet\n";
  text += fmt::format("conversation  {} messages, {} of {} positions\n",
                      conversation.history().size(), conversation.used(), conversation.capacity());
  text +=
      fmt::format("memory        weights {:.1f} MiB, cache {:.1f} MiB, peak RSS {:.1f} MiB\n",
                  mib(engine.memory().weights), mib(engine.memory().cache), mib(peak_rss_bytes()));
  return text + fmt::format("placement     {}\n", engine.placement().line());
}

}  // namespace

std::string answer_stats(const Reply& reply) {
  const Generation& g = reply.generation;
  const size_t fed = reply.prompt_tokens - reply.reused_tokens;
  const size_t decoded = g.ids.empty() ? 0 : g.ids.size() - 1;
  return fmt::format(
      "prompt        {} tokens, {} of them from the cache, {:.2f} s, {:.1f} tokens/s\n"
      "answer        {} tokens, {:.2f} s, {:.1f} tokens/s\n",
      reply.prompt_tokens, reply.reused_tokens, g.prompt_ms / 1000, rate(fed, g.prompt_ms),
      g.ids.size(), g.decode_ms / 1000, rate(decoded, g.decode_ms));
}

bool is_command(const std::string& message) {
  return message.starts_with('/') && message.find('\n') == std::string::npos;
}

Result<CommandResult> run_command(const std::string& command, ChatState& state) {
  const size_t end = command.find_first_of(" \t");
  const std::string name = command.substr(0, end);
  const size_t rest = command.find_first_not_of(" \t", end);
  const std::string argument = rest == std::string::npos ? "" : command.substr(rest);
  if (name == "/set") {
    if (argument.empty()) return CommandResult{list_settings(state.settings)};
    return CommandResult{TRY(change_setting(state.settings, argument)) + "\n"};
  }
  const bool known = name == "/help" || name == "/reset" || name == "/stats" || name == "/exit";
  if (!known) {
    return Error{"there is no command " + name +
                     "; /help lists them, and a message that begins with / goes between \"\"\"",
                 ErrorKind::usage};
  }
  if (!argument.empty()) return Error{name + " takes nothing behind it", ErrorKind::usage};
  if (name == "/exit") return CommandResult{"", true};
  if (name == "/help") return CommandResult{kHelp};
  if (name == "/stats") return CommandResult{stats(state)};
  state.conversation.reset();
  state.last.reset();
  return CommandResult{"the conversation is forgotten\n"};
}

}  // namespace weft::cli
