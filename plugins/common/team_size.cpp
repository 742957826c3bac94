// See team_size.h.
#include "plugins/common/team_size.h"

#include <algorithm>

namespace weft::common {

namespace {

// Less sleep than this says nothing: steps are never of one length.
constexpr uint64_t kLeastSleepNs = 200'000;
constexpr uint64_t kFirstPatienceNs = 20'000'000, kMostPatienceNs = 640'000'000;
// One thread less is faster when more than this part of the time is lost, in percent. Two threads
// lose it against one that has the memory for itself.
constexpr uint64_t kLostPercent = 40;

}  // namespace

uint32_t TeamSize::begin(uint32_t want, uint64_t now_ns) {
  is_trial_ = limit_ < want && now_ns >= next_trial_ns_;
  return std::min(want, is_trial_ ? limit_ + 1 : limit_);
}

uint32_t TeamSize::between(uint32_t size, uint64_t slept_ns, uint64_t begin_ns, uint64_t now_ns) {
  if (size < 2 || slept_ns < kLeastSleepNs || slept_ns * 100 < (now_ns - begin_ns) * kLostPercent)
    return size;
  patience_ns_ = is_trial_ ? std::min(2 * patience_ns_, kMostPatienceNs) : kFirstPatienceNs;
  next_trial_ns_ = now_ns + patience_ns_;
  is_trial_ = false;
  limit_ = size - 1;
  return limit_;
}

void TeamSize::end() {
  if (is_trial_) limit_++;
}

}  // namespace weft::common
