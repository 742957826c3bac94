// weft chat: a conversation, at a terminal or through a pipe.
//
// At a terminal (stdin and stdout both) lines are edited, and notes stand between the answers.
// Otherwise stdout holds the answers and nothing else, notes go to stderr, and the first message
// that fails ends the program with its exit code.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/text/unicode.h"
#include "tools/weft/chat_commands.h"
#include "tools/weft/line_editor.h"
#include "tools/weft/line_history.h"
#include "tools/weft/message_lines.h"
#include "tools/weft/progress.h"
#include "tools/weft/sampler_flags.h"
#include "tools/weft/verb.h"

namespace weft::cli {

namespace {

struct ChatFlags : Flags {
  ChatSettings settings;
  bool no_history = false;
};

volatile bool interrupted = false;

// While it lives, Ctrl-C sets `interrupted`.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupted = false;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = true; };
    sigaction(SIGINT, &action, &saved_);
  }
  ~InterruptGuard() { sigaction(SIGINT, &saved_, nullptr); }

 private:
  struct sigaction saved_ {};
};

bool uses_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && terminal && *terminal &&
         std::string_view(terminal) != "dumb";
}

// A model's text may hold control characters that would steer the terminal.
std::string for_terminal(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const text::Utf8Char c = text::utf8_at(text, at);
    const bool control = c.code < 0x20 || (c.code >= 0x7f && c.code < 0xa0);
    if (!control || c.code == '\n' || c.code == '\t') out += text.substr(at, c.size_bytes);
    at += c.size_bytes;
  }
  return out;
}

std::string json_line(const Reply& reply) {
  constexpr const char* kEnds[] = {"end_token", "length", "context_full", "interrupted",
                                   "unanswered"};
  const nlohmann::ordered_json line = {{"text", reply.text},
                                       {"stop", kEnds[size_t(reply.end)]},
                                       {"prompt_tokens", reply.prompt_tokens},
                                       {"reused_tokens", reply.reused_tokens},
                                       {"output_ids", reply.generation.ids},
                                       {"prompt_ms", reply.generation.prompt_ms},
                                       {"decode_ms", reply.generation.decode_ms}};
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// What is to be said about an answer that did not come to its own end; empty when it did.
std::string remark(const Reply& reply, const ChatState& state) {
  switch (reply.end) {
    case Reply::End::length:
      return fmt::format("the answer was cut at max-tokens, {}; /set max-tokens allows more",
                         state.settings.max_tokens);
    case Reply::End::full:
      return fmt::format(
          "the context is full ({} positions); /reset forgets the conversation, a larger -c holds "
          "more",
          state.conversation.capacity());
    case Reply::End::unanswered:
      return "stopped before the answer began; the message is forgotten";
    default:
      return "";
  }
}

// One conversation with what it is shown on.
class Chat {
 public:
  Chat(const ChatFlags& flags, ChatState& state, bool terminal)
      : flags_(flags), state_(state), terminal_(terminal), colour_(terminal && uses_colour()) {}

  Status converse_at_terminal();
  Status converse_through_pipe();

 private:
  void note(const std::string& text) const;
  void complain(const Error& error) const;
  Status answer(const std::string& message);
  Result<bool> take(const std::string& message, bool may_be_command);
  std::string prompt(const MessageLines& lines) const;

  const ChatFlags& flags_;
  ChatState& state_;
  const bool terminal_, colour_;
};

void Chat::note(const std::string& text) const {
  if (!terminal_) {
    std::fprintf(stderr, "weft: %s\n", text.c_str());
  } else {
    std::printf(colour_ ? "\033[2m%s\033[0m\n" : "%s\n", text.c_str());
  }
  std::fflush(stdout);
}

void Chat::complain(const Error& error) const {
  if (isatty(STDERR_FILENO)) clear_progress();
  std::fprintf(stderr, "weft: %s\n", error.message.c_str());
}

Status Chat::answer(const std::string& message) {
  bool shows_progress = false;
  Conversation::Events events;
  events.stop = &interrupted;
  events.on_prompt = [&](size_t done, size_t total) {
    shows_progress = isatty(STDERR_FILENO) && int64_t(total) > flags_.chunk;
    if (shows_progress) show_prompt_progress(done, total);
  };
  events.on_text = [&](std::string_view piece) {
    if (flags_.json) return;
    const std::string shown = terminal_ ? for_terminal(piece) : std::string(piece);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
  const Reply reply = TRY(state_.conversation.say(message, state_.settings, events));
  if (shows_progress) clear_progress();
  if (flags_.json) {
    std::printf("%s\n", json_line(reply).c_str());
  } else if (reply.end != Reply::End::unanswered) {
    std::printf("\n");
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return Error{"cannot write the answer to stdout", ErrorKind::usage};
  if (const std::string text = remark(reply, state_); !text.empty()) note(text);
  if (reply.end == Reply::End::unanswered) return {};
  state_.last = reply;
  if (flags_.stats) std::fputs(answer_stats(reply).c_str(), stderr);
  return {};
}

// False when the conversation is over.
Result<bool> Chat::take(const std::string& message, bool may_be_command) {
  if (message.find_first_not_of(" \t\n") == std::string::npos) return true;
  if (!may_be_command || !is_command(message)) {
    TRY(answer(message));
    return true;
  }
  const CommandResult result = TRY(run_command(message, state_));
  std::fputs(result.text.c_str(), terminal_ ? stdout : stderr);
  return !result.leave;
}

// Styles stand between \1, where the editor expects what takes no place.
std::string Chat::prompt(const MessageLines& lines) const {
  const char* text = lines.pending() ? "... " : "> ";
  return colour_ ? fmt::format("\1\033[1m\1{}\1\033[0m\1", text) : text;
}

Status Chat::converse_at_terminal() {
  const LineHistory file(flags_.no_history ? "" : LineHistory::usual_path());
  auto remembered = file.load();
  if (!remembered.ok()) complain(remembered.error());
  auto editor = TRY(LineEditor::create(remembered.ok() ? *remembered : std::vector<std::string>()));
  note(fmt::format("context of {} positions; /help lists what there is, Ctrl-D leaves",
                   state_.conversation.capacity()));
  MessageLines lines;
  std::string typed;
  const InterruptGuard guard;
  while (true) {
    interrupted = false;
    const LineEditor::Line line = editor->read(prompt(lines));
    if (line.end == LineEditor::End::closed) break;
    if (line.end == LineEditor::End::interrupted) {
      lines = {};
      typed.clear();
      note("Ctrl-D or /exit leaves");
      continue;
    }
    typed += (typed.empty() ? "" : "\n") + line.text;
    if (!lines.add(line.text)) continue;
    const std::string message = lines.take();
    if (!message.empty()) {
      const std::string entry = lines.was_block() ? typed : message;
      editor->remember(entry);
      if (const Status kept = file.append(entry); !kept.ok()) complain(kept.error());
    }
    typed.clear();
    const auto more = take(message, !lines.was_block());
    if (!more.ok()) complain(more.error());
    if (more.ok() && !*more) return {};
    if (!message.empty()) std::printf("\n");
  }
  std::printf("\n");
  return {};
}

Status Chat::converse_through_pipe() {
  MessageLines lines;
  bool more = true;
  for (std::string line; more && std::getline(std::cin, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!lines.add(line)) continue;
    const InterruptGuard guard;
    more = TRY(take(lines.take(), !lines.was_block()));
    if (interrupted) return {};
  }
  if (!more || !lines.pending()) return {};
  if (lines.in_block())
    return Error{"the input ends inside a message that \"\"\" began", ErrorKind::usage};
  const InterruptGuard guard;
  TRY(take(lines.take(), true));
  return {};
}

Status chat(const ChatFlags& flags) {
  TRY(check(flags));
  TRY(check(flags.settings.sampler));
  const ModelFolder folder = TRY(open_model_folder(flags.model));
  const text::Tokenizer tokenizer =
      TRY(text::Tokenizer::load(folder.folder / "tokenizer.json"), "the model folder's tokenizer");
  const text::ChatTemplate chat_template = TRY(text::load_chat_template(folder.folder));
  const int64_t capacity = TRY(choose_capacity(flags, folder, 1));
  const Loaded loaded = TRY(load(flags, capacity));
  Conversation conversation(*loaded.session, tokenizer, chat_template, folder.end_tokens);
  ChatState state{loaded, conversation, flags.settings, {}};
  const bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !flags.json;
  Chat talk(flags, state, terminal);
  return terminal ? talk.converse_at_terminal() : talk.converse_through_pipe();
}

}  // namespace

void add_chat(Program& program) {
  auto* verb = program.app.add_subcommand("chat", "Talk with a model, message by message");
  verb->footer(
      "Lines from a pipe are messages too; answers then go to stdout and all else to stderr.\n"
      "--json gives one object per answer.");
  auto flags = std::make_shared<ChatFlags>();
  add_shared_flags(*verb, *flags);
  verb->add_option("--system", flags->settings.system, "System message before the conversation");
  verb->add_option("-n,--predict", flags->settings.max_tokens,
                   "Most tokens of an answer (0: what the context holds)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_sampler_flags(*verb, flags->settings.sampler);
  verb->add_flag("--no-history", flags->no_history, "Neither read nor write the line history");
  verb->callback([&program, flags] {
    program.finish(chat(*flags));
    if (interrupted) program.exit_code = 130;
  });
}

}  // namespace weft::cli
