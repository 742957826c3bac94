// The host's thread pool: every plugin computes on it, so that two backends never fight for cores.
//
//   parallel_for   loose work: n items in any order
//   run_team       a team: n threads that all run at once, so kernels may hold barriers among them
//
//   caller:  publish the job -> wake the members -> work as id 0 -> wait for the members
//   worker:  spin for its ticket (briefly) -> park -> work -> count down
//
// One job runs at a time. The caller takes part; a pool of n threads has n - 1 workers. A worker
// spins for at most 50 us after its last job, for the next kernel of a token follows within that
// time, and then parks; when spinning keeps failing the time is halved, down to nothing, so that a
// busy neighbour loses little. A pool larger than the processor does not spin at all.
//
// Threads: every function may be called from any thread. A call while the pool is at work, from
// inside a job or from elsewhere, gets the calling thread only (parallel_for) or WEFT_E_BUSY
// (run_team). No call allocates.
#pragma once

#include <weft/plugin.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

namespace weft::host {

// What a plugin hands in; it may not throw.
using JobFn = void(WEFT_CALL*)(void* arg, uint32_t id);

class ThreadPool {
 public:
  // A pool of `threads` >= 1 threads, the caller of a job included. Starts threads - 1 workers.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return int(workers_.size()) + 1; }

  // Runs fn(arg, i) for each i < n and returns when all are done. Always WEFT_OK.
  weft_status parallel_for(uint32_t n, JobFn fn, void* arg);
  // Runs fn(arg, id) for each id < n on n different threads at once, the caller being id 0, and
  // returns when all are done. WEFT_E_BUSY, with nothing run, when the pool is smaller or at work.
  // A team of one is always to be had.
  weft_status run_team(uint32_t n, JobFn fn, void* arg);

 private:
  struct Worker;
  enum class Kind { team, loose };

  void run(Kind kind, uint32_t members, uint32_t items, JobFn fn, void* arg);
  void take_part(uint32_t id);
  void serve(Worker& worker, uint32_t id);

  // The job: written by the caller before the tickets, read by members after theirs.
  Kind kind_ = Kind::team;
  uint32_t items_ = 0;
  JobFn fn_ = nullptr;
  void* arg_ = nullptr;

  alignas(64) std::atomic<bool> in_use_{false};
  alignas(64) std::atomic<uint64_t> next_item_{0};  // 64 bits: it runs past the last item
  alignas(64) std::atomic<uint32_t> working_{0};    // members that have not finished
  std::atomic<uint32_t> caller_parked_{0};
  bool may_spin_ = true;
  std::vector<std::unique_ptr<Worker>> workers_;
};

// How many threads to use when -t is not given: the processors this process may run on (affinity),
// and no more than its control group's quota allows, rounded down. At least 1.
int default_thread_count();

// The processors a quota is worth: "max 100000" (cgroup v2's cpu.max) is 0 = no limit, "150000
// 100000" is 1, "50000 100000" is 1. Text of another form is no limit.
int cpus_of_quota(std::string_view cpu_max);

}  // namespace weft::host
