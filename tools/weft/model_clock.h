// Schedules on the modelled clock of a phone (core/schedule/phone.h), for `weft trace
// --model-clock`. All times are modelled.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "tools/weft/trace_file.h"

namespace weft::cli {

// A table of makespans by model, prompt and order, beside what the paper says.
std::string model_clock_table(int64_t chunk);

// The schedule of one prompt; `model` is a name in the table, in any case.
Result<ScheduleTrace> model_clock_trace(const std::string& model, int64_t tokens, int64_t chunk,
                                        const std::string& order);

}  // namespace weft::cli
