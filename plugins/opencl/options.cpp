// Reading the options of a device; see options.h.
#include "plugins/opencl/options.h"

#include <cstdlib>
#include <optional>
#include <sstream>

#include "weft/plugin.hpp"

namespace weft::opencl {

using plugin::Failure;

namespace {

// What was said, before it is known what follows from the rest.
struct Said {
  std::optional<bool> dot;
  bool floats = false;  // compute=f32 or bf16
};

// False when the name is none of ours.
bool set(Options& options, Said& said, const DeviceFacts& facts, const std::string& name,
         const std::string& value) {
  const auto unknown = [&](const char* known) {
    return Failure(WEFT_E_INVALID,
                   "the option " + name + "=" + value + " of opencl is unknown: " + known);
  };
  if (name == "memory") {
    if (value != "own" && value != "shared") throw unknown("memory is own or shared");
    if (value == "shared" && !facts.unified_memory)
      throw Failure(WEFT_E_UNSUPPORTED,
                    facts.name + " has memory of its own, so memory=shared cannot be had");
    options.share_memory = value == "shared";
  } else if (name == "family") {
    if (value != "cpu" && value != "gpu") throw unknown("family is cpu or gpu");
    options.tiled = value == "gpu";
  } else if (name == "priority") {
    if (value != "low" && value != "normal" && value != "high")
      throw unknown("priority is low, normal or high");
    options.priority = value == "low" ? -1 : value == "high" ? 1 : 0;
  } else if (name == "report") {
    if (value != "0" && value != "1") throw unknown("report is 0 or 1");
    options.report = value == "1";
  } else if (name == "tune") {
    const bool digit = value.size() == 1 && value[0] >= '0' && value[0] <= '9';
    if (value != "auto" && !digit) throw unknown("tune is auto or the number of a variant");
    options.variant = digit ? value[0] - '0' : -1;
  } else if (name == "half") {
    if (value != "0" && value != "1") throw unknown("half is 0 or 1");
    options.half = value == "1";
  } else if (name == "dot") {
    if (value != "0" && value != "1") throw unknown("dot is 0 or 1");
    said.dot = value == "1";
  } else if (name == "compute") {
    said.floats = value == "f32" || value == "bf16";
  } else if (name == "allocation") {
    char* end = nullptr;
    options.allocation_bytes = std::strtoull(value.c_str(), &end, 10);
    if (value.empty() || *end || options.allocation_bytes == 0)
      throw unknown("allocation is a number of bytes");
  } else {
    return false;
  }
  return true;
}

}  // namespace

Options choose_options(const DeviceFacts& facts, const char* environment, const weft_kv* given,
                       uint32_t count, std::string& ignored) {
  Options options;
  options.share_memory = facts.unified_memory;
  options.tiled = !facts.is_processor;
  options.half = facts.halves && !facts.is_processor;
  Said said;
  std::istringstream list(environment ? environment : "");
  for (std::string item; std::getline(list, item, ',');) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos ||
        !set(options, said, facts, item.substr(0, equals), item.substr(equals + 1)))
      throw Failure(WEFT_E_INVALID, "WEFT_OPENCL holds '" + item +
                                        "'; it takes memory=own|shared, family=cpu|gpu, half=0|1, "
                                        "dot=0|1, allocation=BYTES, "
                                        "priority=low|normal|high, tune=auto|0 and report=0|1");
  }
  for (uint32_t i = 0; i < count; i++)
    if (!set(options, said, facts, given[i].key, given[i].value))
      ignored += (ignored.empty() ? "" : ", ") + std::string(given[i].key);
  if (said.dot.value_or(false) && !options.tiled)
    throw Failure(WEFT_E_UNSUPPORTED, "dot=1 is of family=gpu, and opencl runs with family=cpu");
  options.dot = said.dot.value_or(facts.integer_dot && !said.floats && options.tiled);
  return options;
}

}  // namespace weft::opencl
