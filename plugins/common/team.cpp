// The barrier and the call for a team; see team.h.
#include "plugins/common/team.h"

#include "plugins/common/clock.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace weft::common {

namespace {

inline void pause_once() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#endif
}

// About 50 microseconds of spinning: longer than the imbalance of two halves of a step, shorter
// than a time slice.
constexpr int kSpins = 2000;

}  // namespace

uint64_t Barrier::wait(uint32_t size) {
  const uint32_t my_phase = phase.load(std::memory_order_relaxed);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
    arrived.store(0, std::memory_order_relaxed);
    phase.store(my_phase + 1, std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst)) phase.notify_all();
    return 0;
  }
  for (int i = 0; i < kSpins; i++) {
    if (phase.load(std::memory_order_acquire) != my_phase) return 0;
    pause_once();
  }
  const uint64_t begin = now_ns();
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  while (phase.load(std::memory_order_seq_cst) == my_phase) phase.wait(my_phase);
  sleepers.fetch_sub(1, std::memory_order_relaxed);
  return now_ns() - begin;
}

void run_team(const weft_host& host, uint32_t want, uint32_t& size,
              void(WEFT_CALL* fn)(void*, uint32_t), void* arg) {
  if (want > 1 && WEFT_HAS(weft_host, &host, run_team)) {
    size = want;
    if (host.run_team(host.ctx, want, fn, arg) == WEFT_OK) return;
  }
  size = 1;
  fn(arg, 0);
}

}  // namespace weft::common
