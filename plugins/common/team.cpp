// The barrier and the call for a team; see team.h.
#include "plugins/common/team.h"

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

void Barrier::wait(uint32_t size) {
  const uint32_t my_phase = phase.load(std::memory_order_relaxed);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
    arrived.store(0, std::memory_order_relaxed);
    phase.store(my_phase + 1, std::memory_order_seq_cst);
    if (sleepers.load(std::memory_order_seq_cst)) phase.notify_all();
    return;
  }
  for (int i = 0; i < kSpins; i++) {
    if (phase.load(std::memory_order_acquire) != my_phase) return;
    pause_once();
  }
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  while (phase.load(std::memory_order_seq_cst) == my_phase) phase.wait(my_phase);
  sleepers.fetch_sub(1, std::memory_order_relaxed);
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
