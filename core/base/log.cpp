// The logger behind log.h: one spdlog logger with a locked stderr sink, made at first use and never
// destroyed, so that a thread which outlives main() may still log.
#include "core/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace weft::log {

static constexpr const char* kNames[] = {"error", "warn", "info", "debug", "trace"};
static constexpr spdlog::level::level_enum kSpdlog[] = {spdlog::level::err, spdlog::level::warn,
                                                        spdlog::level::info, spdlog::level::debug,
                                                        spdlog::level::trace};

Result<Level> parse_level(std::string_view name) {
  for (int i = 0; i < int(std::size(kNames)); ++i)
    if (name == kNames[i]) return Level(i);
  return Error(
      "log level '" + std::string(name) + "' is not known; use error, warn, info, debug or trace",
      ErrorKind::usage);
}

static spdlog::logger& logger() {
  static spdlog::logger& instance = [&]() -> spdlog::logger& {
    auto* made = new spdlog::logger("weft", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("weft: %l: %v");
    made->set_level(spdlog::level::warn);
    made->flush_on(spdlog::level::trace);
    if (const char* wanted = std::getenv("WEFT_LOG"); wanted && *wanted) {
      Result<Level> level = parse_level(wanted);
      if (level.ok()) {
        made->set_level(kSpdlog[int(*level)]);
      } else {
        made->warn("WEFT_LOG: " + level.error().message);
      }
    }
    return *made;
  }();
  return instance;
}

void set_level(Level level) { logger().set_level(kSpdlog[int(level)]); }

Level level() {
  const spdlog::level::level_enum current = logger().level();
  for (int i = 0; i < int(std::size(kSpdlog)); ++i)
    if (kSpdlog[i] == current) return Level(i);
  return Level::warn;
}

bool enabled(Level level) { return logger().should_log(kSpdlog[int(level)]); }

void write(Level level, std::string_view text) {
  if (!enabled(level)) return;
  std::string line(text);
  for (char& c : line)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
  // As an argument, never as the format: the text may hold braces.
  logger().log(kSpdlog[int(level)], "{}", line);
}

}  // namespace weft::log
