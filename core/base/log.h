// Diagnostics for people, on stderr only: stdout belongs to results.
//
//   log::warn("plugin '{}' took {} ms to load", name, ms);
//
// Threads: every function may be called from any thread. The level is read from the environment
// variable WEFT_LOG (error warn info debug trace) at first use, and may be set later.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace weft::log {

enum class Level { error, warn, info, debug, trace };

// "error", "warn", "info", "debug" or "trace"; any other name is a usage error that lists them.
Result<Level> parse_level(std::string_view name);
// Lines above `level` are dropped. Default: warn.
void set_level(Level level);
Level level();
// Whether a line of this level would be shown: a guard for arguments that cost something.
bool enabled(Level level);
// One line; control characters other than tab are shown as '?', so that text from a plugin or a
// file cannot steer a terminal.
void write(Level level, std::string_view text);

template <typename... Args>
void print(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  print(Level::error, format, std::forward<Args>(args)...);
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  print(Level::warn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  print(Level::info, format, std::forward<Args>(args)...);
}
template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  print(Level::debug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
  print(Level::trace, format, std::forward<Args>(args)...);
}

}  // namespace weft::log
