// Runs the chunks of a prompt through one plan, several at a time, so that a device which works
// beside the host need not wait for it.
//
//   lane 0   chunk 0 [norm]        [attention]        ...        chunk 2 ...
//   lane 1           chunk 1 [norm]           [attention] ...
//   device             [QKV 0]      [QKV 1]  [O, FFN 0]  ...
//
// A lane is a runner with an arena of its own; programs, queues and caches are shared, so a lane
// costs its activations and nothing else. Host stages run on the caller's thread. A device is given
// up to two stages, so that it has the next when it ends one while the host is busy. What runs next
// is core/schedule's decision; results never depend on it, because a stage runs after all it reads.
//
// How long stages take is measured (task_times.h); the order `automatic` is the best of those that
// were tried on the modelled clock with these times, and chunk order until they are known.
// Threads: one at a time.
// mllm-NPU (Xu et al., ASPLOS 2025), sections 3.2 and 3.4.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/runtime/runner.h"
#include "core/runtime/stages.h"
#include "core/runtime/task_times.h"
#include "core/schedule/simulate.h"

namespace weft::runtime {

enum class ScheduleMode : uint8_t { serial, in_order, out_of_order, automatic, random };

// How the chunks of a prompt are run where a plan has devices that work beside the host.
struct ScheduleOptions {
  ScheduleMode mode = ScheduleMode::automatic;
  int64_t in_flight = 0;  // chunks begun and not ended; 0: as many as pay and fit
  uint64_t seed = 0;      // of random orders
};

// One stage, one copy within a host stage, or one time the host waited for a device.
struct TaskRecord {
  enum class Kind : uint8_t { stage, copy, wait };
  Kind kind = Kind::stage;
  uint32_t chunk = 0, stage = 0;
  uint32_t processor = 0;
  int64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC
  uint64_t bytes = 0;                // copy
};

// The last prompt that was run in chunks here.
struct PromptReport {
  struct Processor {
    std::string name;
    int64_t busy_ns = 0;
    uint64_t stages = 0;
  };
  std::vector<Processor> processors;
  uint32_t chunks = 0, in_flight = 0, stages = 0;
  schedule::Policy policy;
  int64_t wall_ns = 0;
  int64_t expected_ns = 0;  // by the modelled clock; 0 where times were not known
  uint64_t waits = 0, copies = 0, copied_bytes = 0;
  int64_t wait_ns = 0, copy_ns = 0;
  int64_t rows = 0, padded_rows = 0;  // of the prompt; and what devices of fixed shapes add
};

class Pipeline {
 public:
  // What a prompt is made of. `begin` binds a lane to a chunk and writes its inputs; `ended` hears
  // of chunks in their order, and ends the prompt when it says false.
  struct Chunk {
    int64_t past = 0, rows = 0;
  };
  struct Prompt {
    std::vector<Chunk> chunks;
    std::function<Status(Runner& lane, uint32_t chunk)> begin;
    std::function<bool(uint32_t chunk)> ended;
  };
  struct Setup {
    const plan::Plan* plan = nullptr;
    std::vector<host::DevicePtr> devices;
    Runner* first = nullptr;  // lane 0
    // Arenas for one more lane, whose states are set here.
    std::function<Result<SessionMemory>()> more_memory;
    int64_t lane_bytes = 0;  // of those arenas
    ScheduleOptions options;
    int64_t chunk = 0;                 // rows of a run at fixed shapes
    std::filesystem::path times_file;  // empty: what is learned goes with the session
  };
  // What `setup` points to outlives the pipeline.
  static std::unique_ptr<Pipeline> create(const Setup& setup);
  ~Pipeline();

  // Whether a plan has devices that work beside the host.
  bool is_parallel() const { return stages_.is_parallel(); }

  // Runs all chunks; the lane of the last holds the outputs until the next run. When it fails, no
  // device is at work, and `whole_chunks()` chunks, the first ones, have been run.
  Result<Runner*> run(const Prompt& prompt, const weft_prof_sink* profile);
  uint32_t whole_chunks() const { return whole_; }

  // Of the last run; chunks is 0 before the first.
  const PromptReport& report() const { return report_; }
  const Stages& stages() const { return stages_; }
  // Records of every run go to `log` until it is set to nullptr.
  void record(std::vector<TaskRecord>* log) { log_ = log; }
  int64_t arena_bytes() const;  // of lanes besides the first
  size_t lanes() const { return lanes_.size(); }

 private:
  struct Lane;
  // A device's stages in the order of their submission.
  struct Submitted {
    uint32_t task = 0;
    int64_t begin_ns = 0;
  };
  struct Device {
    std::vector<Submitted> queue;
    int64_t free_ns = 0;  // when its last stage ended
  };

  Pipeline() = default;
  size_t most_lanes() const;
  void add_lanes(size_t wanted);
  schedule::Policy choose_policy(const schedule::TaskGraph& graph);
  schedule::TaskGraph make_graph(const Prompt& prompt) const;
  void start_report(const schedule::Policy& policy);
  Status run_tasks();
  Status hear_of_chunks();
  Status begin_stage(uint32_t task);
  Status run_on_host(uint32_t task);
  Status submit(uint32_t task);
  Status submit_stage(Lane& lane, uint32_t task, const weft_prof_sink* profile);
  Result<bool> collect(uint32_t processor, uint64_t timeout_ns);
  Status wait_for_any();
  Status finish(uint32_t task, int64_t begin_ns, int64_t end_ns);
  Status drain(Status ran);
  void keep_record(TaskRecord::Kind kind, uint32_t task, int64_t begin_ns, int64_t end_ns,
                   uint64_t bytes);
  Lane& lane_of(uint32_t task);

  Setup setup_;
  Stages stages_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  TaskTimes times_;
  PromptReport report_;
  std::vector<TaskRecord>* log_ = nullptr;
  bool has_fixed_shapes_ = false;

  // Of the run in progress.
  const Prompt* prompt_ = nullptr;
  const schedule::TaskGraph* graph_ = nullptr;
  schedule::Scheduler* scheduler_ = nullptr;
  const weft_prof_sink* profile_ = nullptr;
  weft_prof_sink device_sink_{};
  std::vector<Device> at_work_;        // by processor
  std::vector<uint32_t> stages_left_;  // by chunk
  uint32_t whole_ = 0;
  size_t in_flight_ = 1;
};

}  // namespace weft::runtime
