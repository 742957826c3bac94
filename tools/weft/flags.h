// The flags that every verb shares, and what they become.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/dtype.h"
#include "core/runtime/pipeline.h"

namespace CLI {
class App;
}

namespace weft::cli {

struct Flags {
  std::filesystem::path model;
  std::vector<std::string> backends{"cpu", "reference"};
  std::vector<std::string> prefill, decode;  // empty: as `backends`
  std::string require;
  std::string compute = "auto";
  int64_t chunk = 512;
  bool chunk_given = false;  // else what suits the devices
  std::string schedule = "auto";
  int64_t in_flight = 0;  // 0: as many chunks as pay and fit
  int64_t context = 0;    // 0: what prompt and answer need
  std::string memory = "max";
  std::vector<std::string> devices;  // "opencl=1"
  std::string priority = "normal";
  std::optional<double> throttle_ms;             // none: 8 with priority low, else no bound
  int threads = 0;                               // 0: what this process may use
  std::string cache_key_type, cache_value_type;  // empty: as EngineOptions has it
  bool strict = false, stats = false, json = false, no_cache = false;
  std::filesystem::path trace, logits;
  std::vector<std::filesystem::path> plugins;
};

// Adds the flags to a verb. The model is required.
void add_shared_flags(CLI::App& verb, Flags& flags);
// The elements of a KV cache that a flag names, as EngineOptions says them; none for other names.
std::optional<ir::DType> cache_type(const std::string& name);
// "opencl=1" as backend and number; none for other texts.
std::optional<std::pair<std::string, uint32_t>> device_choice(const std::string& text);
host::Courtesy courtesy(const Flags& flags);
// The order of a prompt's chunks by its name; none for other names.
std::optional<runtime::ScheduleMode> schedule_mode(const std::string& name);
// Refuses values that name something this build has not, in one sentence each.
Status check(const Flags& flags);

}  // namespace weft::cli
