// The commands of a chat: lines that begin with a slash.
#pragma once

#include <optional>
#include <string>

#include "tools/weft/chat_settings.h"
#include "tools/weft/conversation.h"
#include "tools/weft/load.h"

namespace weft::cli {

// What commands look at and change.
struct ChatState {
  const Loaded& loaded;
  Conversation& conversation;
  ChatSettings settings;
  std::optional<Reply> last;  // the latest answer
};

struct CommandResult {
  std::string text;  // to show; whole lines
  bool leave = false;
};

// Two lines about the time and tokens of an answer.
std::string answer_stats(const Reply& reply);

// Whether a message is meant as a command.
bool is_command(const std::string& message);
// Runs "/set top-k 40". Fails (ErrorKind::usage) on a command there is not, or a value that does
// not fit.
Result<CommandResult> run_command(const std::string& command, ChatState& state);

}  // namespace weft::cli
