// What /set knows: every setting of a chat by name, what it takes, and how it is shown.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "tools/weft/conversation.h"

namespace weft::cli {

// "temperature 0.7", "temperature=0.7" or "system You are brief."; quotes around a text are taken
// off. Changes nothing and fails (ErrorKind::usage) when there is no such setting or it does not
// take the value. Gives the line to show.
Result<std::string> change_setting(ChatSettings& settings, std::string_view assignment);

// A line per setting: name, value, meaning.
std::string list_settings(const ChatSettings& settings);

}  // namespace weft::cli
