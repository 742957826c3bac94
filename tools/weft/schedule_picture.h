// A schedule as people look at it: a plain SVG, and one table of where the time goes.
#pragma once

#include <string>

#include "tools/weft/trace_file.h"

namespace weft::cli {

// A row per processor, a colour per chunk, times below; every task says its name when pointed at.
std::string svg_of(const ScheduleTrace& trace);

// Idle time per processor, padding, copies and waits.
std::string table_of(const ScheduleTrace& trace);

}  // namespace weft::cli
