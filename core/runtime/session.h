// A conversation with a model: its KV cache, and the runs that extend it.
//
//   session.feed(prompt, 1)   logits [1, vocab] of the last prompt token
//   session.feed({token}, 1)  and so on; past() grows by what was fed
//   session.truncate(n)       forgets all but the first n positions: nothing is moved
//   session.write_cache(...)  and resume(n) go on from caches that were read before
//
// A prompt of several chunks on devices that work beside the host has several of them in flight
// (pipeline.h). Runs of more than one token use the prefill plan, single tokens the decode plan;
// both work on the same cache. feed() allocates nothing once the first run of each kind has been
// made, but for prompts with chunks in flight. Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/runtime/pipeline.h"
#include "core/runtime/runner.h"

namespace weft::runtime {

// Bytes, known before anything runs.
struct MemoryUse {
  int64_t weights = 0;  // constants as programs hold them
  int64_t arena = 0;    // activations, at the longest run
  int64_t scratch = 0;
  int64_t cache = 0;  // KV, at full capacity
};

// What a session runs: a plan with its programs, once per phase.
struct PhasePlan {
  const plan::Plan* plan = nullptr;
  const Programs* programs = nullptr;
};

class Session {
 public:
  struct Setup {
    PhasePlan prefill, decode;  // may be the same
    std::vector<host::DevicePtr> devices;
    std::vector<uint32_t> domains;     // of each device
    std::vector<bool> shared_domains;  // host memory that devices import
    int64_t capacity = 0, chunk = 0;
    host::Courtesy courtesy;
    ScheduleOptions schedule;
    std::filesystem::path cache_folder;  // where task times are kept; empty: nowhere
    // A session on the devices that are left when one has failed; empty: a failure stands.
    std::function<Result<std::unique_ptr<Session>>(const Error&)> replacement;
  };
  static Result<std::unique_ptr<Session>> create(const Setup& setup);

  // Feeds `ids` ([1, capacity - past] of them, run in chunks) and returns the logits of the last
  // `rows` of them, [rows, vocab], valid until the next call. `rows` is at most the chunk size;
  // `progress` (optional) is called after every chunk with the number of tokens done; when it says
  // false the rest is not fed and the call fails. When a device fails, what is left is fed to a
  // replacement with the same caches (session_failover.cpp), and so is all that comes later. After
  // a failure past() counts the chunks that were done as a whole before it, and no device is at
  // work.
  using Progress = std::function<bool(int64_t)>;
  Result<std::span<const float>> feed(std::span<const int64_t> ids, int64_t rows,
                                      const Progress& progress = {});

  int64_t past() const { return past_; }
  int64_t capacity() const { return capacity_; }
  int64_t vocabulary() const { return vocabulary_; }
  Status truncate(int64_t positions);
  // Records of every kernel go to `sink` until it is set to nullptr.
  void profile(const weft_prof_sink* sink);
  // Records of every stage of a prompt go to `log` until it is set to nullptr; also of prompts of
  // one chunk. Nothing comes of plans whose devices do not work beside the host.
  void record_tasks(std::vector<TaskRecord>* log);
  // How the last prompt of several chunks was run; nullptr where none was run by a pipeline.
  const PromptReport* prompt_report() const;
  const Stages& stages() const { return pipeline_->stages(); }

  // A cache: a state of the graph, [1, capacity, width].
  struct Cache {
    std::string name;
    ir::DType dtype = ir::DType::undefined;
    int64_t width = 0;  // elements of a position
  };
  const std::vector<Cache>& caches() const { return caches_; }
  // The first past() positions of cache `index`: `to` holds [past, width] elements.
  Status read_cache(size_t index, std::span<std::byte> to) const;
  // Puts [positions, width] elements at the start of cache `index`, for resume() to count.
  Status write_cache(size_t index, std::span<const std::byte> from);
  // Goes on as if `positions` tokens had been fed whose keys and values are in the caches: those
  // that write_cache() put there, for all of them.
  Status resume(int64_t positions);

  static MemoryUse memory_use(const Setup& setup);
  // Activations and scratch as they are now; under elastic plans they grow with the runs.
  int64_t arena_bytes() const;
  // How often an arena was replaced by a larger one.
  uint64_t arena_growths() const;
  // Arenas and caches as a session holds them; arenas alone.
  static Result<std::vector<Arena>> allocate_arenas(const Setup& setup);
  static Result<SessionMemory> allocate(const Setup& setup);

 private:
  Session() = default;
  Status find_interface(const ir::Graph& graph);
  Result<std::span<const float>> feed_here(std::span<const int64_t> ids, int64_t rows,
                                           const Progress& progress);
  Status move_to_replacement(const Error& failure);
  Result<std::span<const float>> run_chunk(std::span<const int64_t> ids, int64_t rows);
  Result<std::span<const float>> run_pipeline(std::span<const int64_t> ids, int64_t rows,
                                              const Progress& progress, int64_t done);
  Status bind(Runner& runner, std::span<const int64_t> ids, int64_t past, int64_t rows);
  Result<std::span<const float>> logits_of(Runner& runner);
  void make_pipeline(const Setup& setup);

  Status check_cache(size_t index, size_t size_bytes, int64_t positions) const;

  std::function<Result<std::unique_ptr<Session>>(const Error&)> replacement_;
  std::unique_ptr<Session> successor_;  // once a device has failed
  SessionMemory memory_;
  std::vector<Cache> caches_;
  std::vector<int64_t> cache_offsets_;        // bytes, of each cache
  std::unique_ptr<Runner> prefill_, decode_;  // decode_ empty: prefill_ serves both
  std::unique_ptr<Pipeline> pipeline_;
  std::vector<TaskRecord>* task_log_ = nullptr;
  ir::ValueId ids_ = ir::ValueId::none, logits_ = ir::ValueId::none;
  bool ids_are_i32_ = false;
  ir::ValueId mask_ = ir::ValueId::none;  // i64 [1, past + seq], all ones: nothing is padding
  std::vector<int64_t> ones_;
  std::vector<int32_t> narrow_ids_;
  std::vector<std::byte> logits_copy_;
  const weft_prof_sink* profile_ = nullptr;
  int64_t past_ = 0, capacity_ = 0, chunk_ = 0, vocabulary_ = 0;
};

}  // namespace weft::runtime
