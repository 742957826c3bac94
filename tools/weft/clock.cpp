#include "tools/weft/clock.h"

namespace weft::cli {

static const Clock::time_point kProcessStart = Clock::now();

double since_start_ms() { return ms_since(kProcessStart); }

}  // namespace weft::cli
