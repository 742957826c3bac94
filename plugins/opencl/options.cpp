// Reading the options of a device; see options.h.
#include "plugins/opencl/options.h"

#include <cstdlib>
#include <sstream>

#include "weft/plugin.hpp"

namespace weft::opencl {

using plugin::Failure;

namespace {

// False when the name is none of ours.
bool set(Options& options, const DeviceFacts& facts, const std::string& name,
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
  } else if (name == "half") {
    if (value != "0" && value != "1") throw unknown("half is 0 or 1");
    options.half = value == "1";
  } else if (name == "allocation") {
    char* end = nullptr;
    options.allocation_bytes = std::strtoull(value.c_str(), &end, 10);
    if (value.empty() || *end || options.allocation_bytes == 0)
      throw unknown("allocation is a number of bytes");
  } else {
    return name == "compute";  // products are of floats, whatever is wished
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
  std::istringstream list(environment ? environment : "");
  for (std::string item; std::getline(list, item, ',');) {
    const size_t equals = item.find('=');
    if (equals == std::string::npos ||
        !set(options, facts, item.substr(0, equals), item.substr(equals + 1)))
      throw Failure(WEFT_E_INVALID,
                    "WEFT_OPENCL holds '" + item +
                        "'; it takes memory=own|shared, family=cpu|gpu, half=0|1, "
                        "allocation=BYTES, priority=low|normal|high and report=0|1");
  }
  for (uint32_t i = 0; i < count; i++)
    if (!set(options, facts, given[i].key, given[i].value))
      ignored += (ignored.empty() ? "" : ", ") + std::string(given[i].key);
  return options;
}

}  // namespace weft::opencl
