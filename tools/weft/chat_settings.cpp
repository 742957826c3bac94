#include "tools/weft/chat_settings.h"

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace weft::cli {

namespace {

constexpr double kAny = std::numeric_limits<double>::max();
constexpr double kWhole = 9007199254740992.0;  // 2^53: every integer below is a double

struct NumberSetting {
  const char* name;
  const char* meaning;
  bool integer;
  double least, most;
  bool above;  // `least` itself is out
  double (*get)(const ChatSettings&);
  void (*set)(ChatSettings&, double);
};

#define WEFT_SETTING(member)                              \
  [](const ChatSettings& s) { return double(s.member); }, \
      [](ChatSettings& s, double value) { s.member = decltype(s.member)(value); }

constexpr NumberSetting kNumbers[] = {
    {"temperature", "0: the most likely token", false, 0, kAny, false,
     WEFT_SETTING(sampler.temperature)},
    {"top-k", "keep the k most likely tokens; 0: all", true, 0, kWhole, false,
     WEFT_SETTING(sampler.top_k)},
    {"top-p", "keep the fewest tokens of this probability; 1: all", false, 0, 1, true,
     WEFT_SETTING(sampler.top_p)},
    {"min-p", "keep tokens of this share of the best; 0: all", false, 0, 1, false,
     WEFT_SETTING(sampler.min_p)},
    {"repeat-penalty", "penalty of recent tokens; 1: none", false, 0, kAny, true,
     WEFT_SETTING(sampler.repetition_penalty)},
    {"repeat-window", "how many tokens are recent", true, 0, 1 << 24, false,
     WEFT_SETTING(sampler.repetition_window)},
    {"seed", "of the random draws", true, 0, kWhole, false, WEFT_SETTING(sampler.seed)},
    {"max-tokens", "of one answer; 0: what the context holds", true, 0, kWhole, false,
     WEFT_SETTING(max_tokens)},
};
#undef WEFT_SETTING

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\n") - first + 1));
}

std::string shown(const NumberSetting& setting, const ChatSettings& settings) {
  const double value = setting.get(settings);
  return setting.integer ? fmt::format("{:.0f}", value) : fmt::format("{:.6g}", value);
}

std::string shown_system(const ChatSettings& settings) {
  return settings.system.empty() ? "none" : '"' + settings.system + '"';
}

// "a whole number of at least 0", "a number above 0 and at most 1"
std::string range(const NumberSetting& setting) {
  std::string text = setting.integer ? "a whole number" : "a number";
  text += fmt::format("{} {:.0f}", setting.above ? " above" : " of at least", setting.least);
  if (setting.most < kWhole) text += fmt::format(" and at most {:.0f}", setting.most);
  return text;
}

Status change_number(const NumberSetting& setting, ChatSettings& settings,
                     const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool number =
      error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  const bool in_range = number && value <= setting.most &&
                        (setting.above ? value > setting.least : value >= setting.least);
  const bool fits = in_range && (setting.integer ? value == std::floor(value)
                                                 : std::isfinite(float(value)) &&
                                                       (value == 0 || float(value) != 0));
  if (!fits) {
    return Error{std::string(setting.name) + " takes " + range(setting) + ", not '" + text + "'",
                 ErrorKind::usage};
  }
  setting.set(settings, value);
  return {};
}

std::string known_names() {
  std::string names;
  for (const NumberSetting& setting : kNumbers) names += std::string(setting.name) + ", ";
  return names + "system";
}

}  // namespace

Result<std::string> change_setting(ChatSettings& settings, std::string_view assignment) {
  const std::string text = trimmed(assignment);
  const size_t cut = text.find_first_of(" =\t");
  const std::string name = text.substr(0, cut);
  const bool has_value = cut != std::string::npos;
  std::string value = has_value ? trimmed(std::string_view(text).substr(cut + 1)) : "";
  if (has_value && value.starts_with('=')) value = trimmed(std::string_view(value).substr(1));
  if (name == "system") {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (has_value) settings.system = value == "none" ? "" : value;
    return "system " + shown_system(settings);
  }
  for (const NumberSetting& setting : kNumbers) {
    if (name != setting.name) continue;
    if (has_value) TRY(change_number(setting, settings, value));
    return name + " " + shown(setting, settings);
  }
  return Error{"there is no setting '" + name + "'; there are " + known_names(), ErrorKind::usage};
}

std::string list_settings(const ChatSettings& settings) {
  std::string lines;
  for (const NumberSetting& setting : kNumbers) {
    lines +=
        fmt::format("{:<16}{:<10}{}\n", setting.name, shown(setting, settings), setting.meaning);
  }
  return lines + fmt::format("{:<16}{}\n", "system", shown_system(settings));
}

}  // namespace weft::cli
