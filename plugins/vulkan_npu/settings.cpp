// Reading options; see settings.h.
#include "plugins/vulkan_npu/settings.h"

#include <cctype>
#include <charconv>
#include <cstdlib>

#include "plugins/vulkan_npu/tuner.h"

namespace weft::vulkan_npu {

using plugin::Failure;

namespace {

// A whole number and what follows it.
uint64_t number(const std::string& key, const std::string& value, std::string& rest) {
  uint64_t out = 0;
  const char* end = value.data() + value.size();
  const auto [stop, fault] = std::from_chars(value.data(), end, out);
  if (fault != std::errc() || stop == value.data())
    throw Failure(WEFT_E_INVALID, "option " + key + " is '" + value + "', a number is needed");
  rest.assign(stop, end);
  return out;
}

uint64_t bytes(const std::string& key, const std::string& value) {
  std::string unit;
  const uint64_t count = number(key, value, unit);
  const std::string units = "KMG";
  const size_t power = unit.empty() ? 0 : units.find(char(std::toupper(unit[0]))) + 1;
  if (unit.size() > 1 || (!unit.empty() && power == 0) || count == 0 || count >> (60 - 10 * power))
    throw Failure(WEFT_E_INVALID,
                  "option " + key + " is '" + value + "', bytes like 512M or 4G are needed");
  return count << (10 * power);
}

}  // namespace

bool apply_option(Settings& settings, const std::string& key, const std::string& value) {
  std::string rest;
  if (key == "device") {
    settings.device = uint32_t(number(key, value, rest));
    if (!rest.empty())
      throw Failure(WEFT_E_INVALID, "option device is '" + value + "', a number is needed");
  } else if (key == "memory") {
    if (value != "own" && value != "host")
      throw Failure(WEFT_E_INVALID, "option memory is '" + value + "', it can be own or host");
    settings.host_memory = value == "host";
  } else if (key == "cap") {
    settings.cap_bytes = bytes(key, value);
  } else if (key == "tile") {
    settings.choice = uint32_t(number(key, value, rest));
    if (!rest.empty() || *settings.choice >= kChoices)
      throw Failure(WEFT_E_INVALID, "option tile is '" + value + "', a number below " +
                                        std::to_string(kChoices) + " is needed");
  } else if (key == "fail") {
    settings.fault = Faults::parse(value);
  } else {
    return false;
  }
  return true;
}

Settings settings_from_environment() {
  Settings settings;
  const char* given = std::getenv("WEFT_VULKAN_NPU");
  std::string list = given ? given : "";
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string item = list.substr(0, comma);
    list = comma == std::string::npos ? "" : list.substr(comma + 1);
    const size_t equals = item.find('=');
    const bool known = equals != std::string::npos &&
                       apply_option(settings, item.substr(0, equals), item.substr(equals + 1));
    if (!known && !item.empty())
      throw Failure(WEFT_E_INVALID, "WEFT_VULKAN_NPU has '" + item +
                                        "'; device=, memory= and cap= are what it can have");
  }
  return settings;
}

}  // namespace weft::vulkan_npu
