// What happened in a run, for people (--stats) and for programs (--json).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "tools/weft/generate.h"
#include "tools/weft/load.h"

namespace weft::cli {

struct RunReport {
  const Loaded& loaded;
  const Flags& flags;
  const Generation& generation;
  std::span<const int64_t> prompt;
  std::string text;
};

// Lines on stderr.
void print_stats(const RunReport& report);
// One object: prompt_ids, output_ids, text, timings, memory, placement, counters.
std::string to_json(const RunReport& report);

}  // namespace weft::cli
