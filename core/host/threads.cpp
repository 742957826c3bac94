// Tickets, spinning and parking of threads.h. Parking is a futex on a word that the waker changes
// first, so no wake-up can be lost:
//
//   sleeper: parked = 1;  if (word unchanged) futex_wait(word)
//   waker:   word = new;  if (parked) futex_wake(word)
//
// Both orders are sequentially consistent: one of the two sees the other.
#include "core/host/threads.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>

#include "core/base/check.h"

namespace weft::host {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

static constexpr nanoseconds kLongestSpin{50'000};
static constexpr nanoseconds kShortestSpin{1'000};

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "a futex is a plain word");

static void futex_wait(std::atomic<uint32_t>& word, uint32_t expected) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

static void futex_wake(std::atomic<uint32_t>& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until `word` is no longer `old`, for at most `limit`; whether it changed.
static bool spin(const std::atomic<uint32_t>& word, uint32_t old, nanoseconds limit) {
  if (limit <= nanoseconds(0)) return word.load(std::memory_order_acquire) != old;
  const Clock::time_point end = Clock::now() + limit;
  do {
    // 32 pauses are about a microsecond: the clock is read that often.
    for (int i = 0; i < 32; ++i) {
      if (word.load(std::memory_order_acquire) != old) return true;
      pause();
    }
  } while (Clock::now() < end);
  return false;
}

// Waits until `word` is no longer `old`: spins for `limit`, then parks. Whether spinning was
// enough.
static bool wait_for_change(std::atomic<uint32_t>& word, uint32_t old,
                            std::atomic<uint32_t>& parked, nanoseconds limit) {
  if (spin(word, old, limit)) return true;
  parked.store(1, std::memory_order_seq_cst);
  while (word.load(std::memory_order_seq_cst) == old) futex_wait(word, old);
  parked.store(0, std::memory_order_relaxed);
  return false;
}

// Twice the time after a success, half after a failure: a worker whose jobs come far apart stops
// spinning within a few of them.
static nanoseconds adapt(nanoseconds spin_time, bool was_enough) {
  return was_enough ? std::min(spin_time * 2, kLongestSpin)
                    : std::max(spin_time / 2, kShortestSpin);
}

struct alignas(64) ThreadPool::Worker {
  std::atomic<uint32_t> ticket{0};  // changes when there is a job for this worker
  std::atomic<uint32_t> parked{0};
  std::atomic<bool> stop{false};
  std::thread thread;

  void wake() {
    ticket.fetch_add(1, std::memory_order_seq_cst);
    if (parked.load(std::memory_order_seq_cst)) futex_wake(ticket);
  }
};

ThreadPool::ThreadPool(int threads) {
  WEFT_CHECK(threads >= 1);
  may_spin_ = threads <= default_thread_count();
  for (int i = 1; i < threads; ++i) workers_.push_back(std::make_unique<Worker>());
  for (size_t i = 0; i < workers_.size(); ++i)
    workers_[i]->thread = std::thread([this, i] { serve(*workers_[i], uint32_t(i) + 1); });
}

ThreadPool::~ThreadPool() {
  for (auto& worker : workers_) {
    worker->stop.store(true, std::memory_order_relaxed);
    worker->wake();
  }
  for (auto& worker : workers_) worker->thread.join();
}

void ThreadPool::serve(Worker& worker, uint32_t id) {
  uint32_t seen = 0;
  nanoseconds spin_time = may_spin_ ? kLongestSpin : nanoseconds(0);
  for (;;) {
    const bool was_enough = wait_for_change(worker.ticket, seen, worker.parked, spin_time);
    if (may_spin_) spin_time = adapt(spin_time, was_enough);
    seen = worker.ticket.load(std::memory_order_acquire);
    if (worker.stop.load(std::memory_order_relaxed)) return;
    take_part(id);
    // The last one wakes the caller; after this line the job's fields belong to the next caller.
    if (working_.fetch_sub(1, std::memory_order_seq_cst) == 1 &&
        caller_parked_.load(std::memory_order_seq_cst))
      futex_wake(working_);
  }
}

void ThreadPool::take_part(uint32_t id) {
  if (kind_ == Kind::team) {
    fn_(arg_, id);
    return;
  }
  for (uint64_t i = next_item_.fetch_add(1, std::memory_order_relaxed); i < items_;
       i = next_item_.fetch_add(1, std::memory_order_relaxed))
    fn_(arg_, uint32_t(i));
}

void ThreadPool::run(Kind kind, uint32_t members, uint32_t items, JobFn fn, void* arg) {
  kind_ = kind;
  items_ = items;
  fn_ = fn;
  arg_ = arg;
  next_item_.store(0, std::memory_order_relaxed);
  working_.store(members - 1, std::memory_order_relaxed);
  for (uint32_t i = 0; i + 1 < members; ++i) workers_[i]->wake();
  take_part(0);
  uint32_t left = working_.load(std::memory_order_acquire);
  while (left != 0) {
    wait_for_change(working_, left, caller_parked_, may_spin_ ? kLongestSpin : nanoseconds(0));
    left = working_.load(std::memory_order_acquire);
  }
}

weft_status ThreadPool::run_team(uint32_t n, JobFn fn, void* arg) {
  if (n <= 1) {
    if (n == 1) fn(arg, 0);
    return WEFT_OK;
  }
  if (n > uint32_t(size()) || in_use_.exchange(true, std::memory_order_acquire)) return WEFT_E_BUSY;
  run(Kind::team, n, n, fn, arg);
  in_use_.store(false, std::memory_order_release);
  return WEFT_OK;
}

weft_status ThreadPool::parallel_for(uint32_t n, JobFn fn, void* arg) {
  const uint32_t members = std::min(n, uint32_t(size()));
  if (members <= 1 || in_use_.exchange(true, std::memory_order_acquire)) {
    for (uint32_t i = 0; i < n; ++i) fn(arg, i);
    return WEFT_OK;
  }
  run(Kind::loose, members, n, fn, arg);
  in_use_.store(false, std::memory_order_release);
  return WEFT_OK;
}

}  // namespace weft::host
