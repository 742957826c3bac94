// See team_size.h.
#include "plugins/common/team_size.h"

#include <algorithm>

namespace weft::common {

namespace {

// Longer than a thread takes to wake, and than a time slice that a passing neighbour takes.
constexpr uint64_t kWindowNs = 16'000'000;
constexpr uint64_t kFirstPatienceNs = 32'000'000, kMostPatienceNs = 1'024'000'000;
// One thread less is faster when more than this part of the time is slept, in percent. Two threads
// lose it against one that has the memory for itself.
constexpr uint64_t kLostPercent = 40;

}  // namespace

uint32_t TeamSize::begin(uint32_t want, uint64_t now_ns) {
  from_ns_ = now_ns;
  slept_before_ns_ = 0;
  if (limit_ >= want) return want;
  if (!is_trial_ && now_ns >= next_trial_ns_) {
    is_trial_ = true;
    limit_++;
    open_window(0, now_ns);
  }
  return std::min(want, limit_);
}

uint32_t TeamSize::between(uint32_t size, uint64_t slept_ns, uint64_t now_ns) {
  const uint64_t busy = busy_ns_ + (now_ns - from_ns_);
  const uint64_t slept = slept_ns_ + (slept_ns - slept_before_ns_);
  if (size < 2 || busy < kWindowNs) return size;
  open_window(slept_ns, now_ns);
  const bool failed = slept * 100 >= busy * kLostPercent;
  if (failed) {
    patience_ns_ = is_trial_ ? std::min(2 * patience_ns_, kMostPatienceNs) : kFirstPatienceNs;
    next_trial_ns_ = now_ns + patience_ns_;
    limit_ = size - 1;
  }
  is_trial_ = false;
  return failed ? limit_ : size;
}

void TeamSize::end(uint64_t slept_ns, uint64_t now_ns) {
  busy_ns_ += now_ns - from_ns_;
  slept_ns_ += slept_ns - slept_before_ns_;
}

void TeamSize::open_window(uint64_t slept_ns, uint64_t now_ns) {
  busy_ns_ = slept_ns_ = 0;
  from_ns_ = now_ns;
  slept_before_ns_ = slept_ns;
}

}  // namespace weft::common
