#include "tools/weft/repeats.h"

#include <algorithm>
#include <cstdint>
#include <map>

namespace weft::cli {

namespace {

constexpr size_t kLeastPeriod = 3, kLeastCount = 2;

// The repeat in [from, to) that covers most; of those that cover the same, the shortest period.
Repeat best_repeat(const std::vector<uint32_t>& kinds, size_t from, size_t to) {
  Repeat best;
  for (size_t period = kLeastPeriod; period * kLeastCount <= to - from; ++period) {
    size_t equal = 0;  // how many elements before i equal the one a period later
    for (size_t i = from; i + period <= to; ++i) {
      if (i + period < to && kinds[i] == kinds[i + period]) {
        ++equal;
        continue;
      }
      const Repeat found{i - equal, period, equal / period + 1};
      if (found.count >= kLeastCount && found.period * found.count > best.period * best.count)
        best = found;
      equal = 0;
    }
  }
  return best;
}

void find(const std::vector<uint32_t>& kinds, size_t from, size_t to, std::vector<Repeat>& out) {
  const Repeat best = best_repeat(kinds, from, to);
  if (best.count < kLeastCount) return;
  find(kinds, from, best.first, out);
  out.push_back(best);
  find(kinds, best.first + best.period * best.count, to, out);
}

}  // namespace

std::vector<Repeat> find_repeats(const std::vector<std::string>& sequence) {
  std::map<std::string, uint32_t> ids;
  std::vector<uint32_t> kinds;
  for (const std::string& element : sequence)
    kinds.push_back(ids.emplace(element, uint32_t(ids.size())).first->second);
  std::vector<Repeat> out;
  find(kinds, 0, kinds.size(), out);
  return out;
}

}  // namespace weft::cli
