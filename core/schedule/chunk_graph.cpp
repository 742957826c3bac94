#include "core/schedule/chunk_graph.h"

#include <algorithm>

#include "core/base/check.h"

namespace weft::schedule {

namespace {

// What step `s` of chunk `i` waits for. Chunks that chunk i waits for as a whole are left out.
void find_needs(const ChunkSteps& steps, uint32_t i, uint32_t s, uint32_t in_flight,
                std::vector<uint32_t>& needs) {
  const uint32_t early = steps.early_steps;
  needs.clear();
  if (s > 0) {
    needs.push_back(i * early + s - 1);
  } else if (i >= in_flight) {
    needs.push_back((i - in_flight) * early + early - 1);
  }
  const std::vector<uint32_t>& after = steps.steps[s].after;
  // A step that follows itself from chunk to chunk, and none that comes later, has all of them
  // behind it through the last.
  const bool chained = std::find(after.begin(), after.end(), s) != after.end() &&
                       *std::max_element(after.begin(), after.end()) == s;
  const uint32_t oldest = i >= in_flight ? i - in_flight + 1 : 0;
  for (uint32_t chunk = chained && i > 0 ? i - 1 : oldest; chunk < i; ++chunk) {
    for (const uint32_t step : after) {
      WEFT_CHECK(step < early);
      if (!chained || step == s) needs.push_back(chunk * early + step);
    }
  }
  std::sort(needs.begin(), needs.end());
  needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
}

}  // namespace

TaskGraph chunk_graph(const ChunkSteps& steps, uint32_t chunks, uint32_t in_flight,
                      const std::function<int64_t(uint32_t, uint32_t)>& time_ns) {
  WEFT_CHECK(steps.early_steps > 0 && steps.early_steps <= steps.steps.size());
  TaskGraph graph;
  std::vector<uint32_t> needs;
  for (uint32_t i = 0; i < chunks; ++i) {
    const uint32_t count = i + 1 < chunks ? steps.early_steps : uint32_t(steps.steps.size());
    for (uint32_t s = 0; s < count; ++s) {
      find_needs(steps, i, s, std::max(in_flight, 1u), needs);
      graph.add({i, s, steps.steps[s].processor, time_ns(i, s)}, needs);
    }
  }
  graph.seal();
  return graph;
}

}  // namespace weft::schedule
