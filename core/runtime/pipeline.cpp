#include "core/runtime/pipeline.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/base/check.h"
#include "core/base/counters.h"
#include "core/base/log.h"

namespace weft::runtime {

using schedule::kNone;
using schedule::Order;
using schedule::Policy;
using schedule::TaskGraph;

namespace {

// With more chunks in flight the modelled clock gains less than 1 % on prompts of 2,048 tokens.
constexpr size_t kUsualLanes = 4;
// Stages a device has at once: one at work, and the next.
constexpr size_t kDepth = 2;
// How long one device is waited for while others are at work too.
constexpr uint64_t kTurnNs = 50000;

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void WEFT_CALL stamp(void* at, weft_status) {
  auto& end = *static_cast<std::atomic<int64_t>*>(at);
  end.store(now_ns(), std::memory_order_release);
  end.notify_all();
}

}  // namespace

struct Pipeline::Lane {
  SessionMemory memory;           // empty for lane 0, whose memory is the session's
  std::unique_ptr<Runner> owned;  // empty for lane 0
  Runner* runner = nullptr;
  // When the device ended the stage of this lane; 0 until then, -1 where nobody will say.
  std::atomic<int64_t> ended_ns{0};
};

std::unique_ptr<Pipeline> Pipeline::create(const Setup& setup) {
  std::unique_ptr<Pipeline> out(new Pipeline);
  out->setup_ = setup;
  out->stages_ = find_stages(*setup.plan, setup.devices);
  out->lanes_.push_back(std::make_unique<Lane>());
  out->lanes_[0]->runner = setup.first;
  out->at_work_.resize(out->stages_.devices.size());
  for (Device& device : out->at_work_) device.queue.reserve(kDepth);
  for (const plan::IslandPlan& island : setup.plan->islands())
    out->has_fixed_shapes_ = out->has_fixed_shapes_ || !island.fixed_slots.empty();
  if (!setup.times_file.empty()) out->times_.load(setup.times_file);
  return out;
}

Pipeline::~Pipeline() = default;

// An eighth of the machine's memory is the most that lanes take.
size_t Pipeline::most_lanes() const {
  if (setup_.options.mode == ScheduleMode::serial) return 1;
  if (setup_.options.in_flight > 0) return size_t(setup_.options.in_flight);
  const int64_t memory = int64_t(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  const int64_t fitting = 1 + memory / 8 / std::max<int64_t>(setup_.lane_bytes, 1);
  return size_t(std::min<int64_t>(kUsualLanes, fitting));
}

// Fewer lanes than are wanted are no failure: memory decides.
void Pipeline::add_lanes(size_t wanted) {
  while (lanes_.size() < wanted) {
    auto memory = setup_.more_memory();
    if (!memory.ok()) {
      log::info("{} chunks of a prompt are run at a time: {}", lanes_.size(),
                memory.error().message);
      return;
    }
    auto lane = std::make_unique<Lane>();
    lane->memory = std::move(*memory);
    lane->owned = setup_.first->sibling(lane->memory);
    lane->runner = lane->owned.get();
    lanes_.push_back(std::move(lane));
  }
}

int64_t Pipeline::arena_bytes() const {
  int64_t bytes = 0;
  for (const auto& lane : lanes_)
    for (const Arena& arena : lane->memory.arenas) bytes += arena.size_bytes();
  return bytes;
}

TaskGraph Pipeline::make_graph(const Prompt& prompt) const {
  return schedule::chunk_graph(stages_.steps, uint32_t(prompt.chunks.size()), uint32_t(in_flight_),
                               [&](uint32_t chunk, uint32_t stage) {
                                 return times_.expect(stage, prompt.chunks[chunk].rows,
                                                      prompt.chunks[chunk].past);
                               });
}

Policy Pipeline::choose_policy(const TaskGraph& graph) {
  switch (setup_.options.mode) {
    case ScheduleMode::serial:
      return {Order::serial};
    case ScheduleMode::in_order:
      return {Order::in_order};
    case ScheduleMode::out_of_order:
      return {Order::out_of_order};
    case ScheduleMode::random:
      return {Order::random, 1, false, setup_.options.seed};
    case ScheduleMode::automatic:
      break;
  }
  if (!times_.knows(uint32_t(stages_.stages.size()))) return {Order::in_order};
  schedule::Simulator simulator(graph);
  return schedule::choose(simulator, schedule::automatic_policies()).policy;
}

void Pipeline::start_report(const Policy& policy) {
  report_ = {};
  report_.chunks = uint32_t(prompt_->chunks.size());
  report_.in_flight = uint32_t(in_flight_);
  report_.stages = uint32_t(stages_.stages.size());
  report_.policy = policy;
  for (const std::string& name : stages_.names) report_.processors.push_back({name});
  for (const Chunk& chunk : prompt_->chunks) {
    report_.rows += chunk.rows;
    if (has_fixed_shapes_) report_.padded_rows += setup_.chunk - chunk.rows;
  }
  if (!times_.knows(report_.stages)) return;
  schedule::Simulator simulator(*graph_);
  report_.expected_ns = simulator.run(policy);
}

Result<Runner*> Pipeline::run(const Prompt& prompt, const weft_prof_sink* profile) {
  const size_t chunks = prompt.chunks.size();
  const size_t wanted = std::min(most_lanes(), chunks);
  add_lanes(wanted);
  in_flight_ = std::min(wanted, lanes_.size());
  const TaskGraph graph = make_graph(prompt);
  schedule::Scheduler scheduler(graph);
  prompt_ = &prompt;
  graph_ = &graph;
  scheduler_ = &scheduler;
  const Policy policy = choose_policy(graph);
  scheduler.start(policy);
  start_report(policy);
  profile_ = profile;
  // A device that gives a record per kernel would have to be waited for after each stage.
  if (profile) device_sink_ = *profile;
  device_sink_.level = std::min(device_sink_.level, 1u);
  whole_ = 0;
  stages_left_.assign(chunks, stages_.steps.early_steps);
  stages_left_.back() = report_.stages;
  for (Device& device : at_work_) device.free_ns = 0;

  const int64_t begin = now_ns();
  TRY(drain(run_tasks()));
  report_.wall_ns = now_ns() - begin;
  if (!setup_.times_file.empty() && times_.has_moved()) {
    const Status saved = times_.save(setup_.times_file);
    if (!saved.ok())
      log::warn("what was learned of task times is not kept: {}", saved.error().message);
  }
  return lanes_[(chunks - 1) % in_flight_]->runner;
}

// Whatever happened, no device works on a lane when this returns.
Status Pipeline::drain(Status ran) {
  for (const auto& lane : lanes_) ran = lane->runner->drain(std::move(ran));
  for (uint32_t p = 1; p < at_work_.size(); ++p) {
    for (const Submitted& one : at_work_[p].queue) lane_of(one.task).ended_ns.wait(0);
    at_work_[p].queue.clear();
  }
  return ran;
}

Status Pipeline::run_tasks() {
  while (scheduler_->left() > 0) {
    bool moved = false;
    for (uint32_t p = 1; p < at_work_.size(); ++p) {
      while (!at_work_[p].queue.empty() && TRY(collect(p, 0))) moved = true;
      while (at_work_[p].queue.size() < kDepth) {
        const uint32_t task = scheduler_->next(p);
        if (task == kNone) break;
        TRY(submit(task));
        moved = true;
      }
    }
    if (const uint32_t task = scheduler_->next(0); task != kNone) {
      TRY(run_on_host(task));
      moved = true;
    }
    if (!moved) TRY(wait_for_any());
    TRY(hear_of_chunks());
  }
  return {};
}

Status Pipeline::hear_of_chunks() {
  while (whole_ < stages_left_.size() && stages_left_[whole_] == 0) {
    ++whole_;
    if (prompt_->ended && !prompt_->ended(whole_ - 1) && scheduler_->left() > 0)
      return Error{"stopped", ErrorKind::check_failed};
  }
  return {};
}

Pipeline::Lane& Pipeline::lane_of(uint32_t task) {
  return *lanes_[(*graph_)[task].chunk % in_flight_];
}

Status Pipeline::begin_stage(uint32_t task) {
  const schedule::Task& at = (*graph_)[task];
  if (at.index > 0) return {};
  Lane& lane = lane_of(task);
  TRY(prompt_->begin(*lane.runner, at.chunk));
  return lane.runner->start();
}

Status Pipeline::submit_stage(Lane& lane, uint32_t task, const weft_prof_sink* profile) {
  const Stage& stage = stages_.stages[(*graph_)[task].index];
  for (size_t t = stage.first_task; t < stage.first_task + stage.task_count; ++t) {
    const bool is_copy = setup_.plan->tasks()[t].kind == plan::Task::Kind::copy;
    const int64_t begin = is_copy ? now_ns() : 0;
    const uint64_t before = counters().bytes_copied;
    TRY(lane.runner->submit(t, profile));
    if (!is_copy) continue;
    const int64_t end = now_ns();
    const uint64_t bytes = counters().bytes_copied - before;
    ++report_.copies;
    report_.copied_bytes += bytes;
    report_.copy_ns += end - begin;
    keep_record(TaskRecord::Kind::copy, task, begin, end, bytes);
  }
  return {};
}

Status Pipeline::run_on_host(uint32_t task) {
  Lane& lane = lane_of(task);
  const int64_t begin = now_ns();
  TRY(begin_stage(task));
  TRY(lane.runner->drain(submit_stage(lane, task, profile_)));
  return finish(task, begin, now_ns());
}

Status Pipeline::submit(uint32_t task) {
  Lane& lane = lane_of(task);
  const uint32_t processor = (*graph_)[task].processor;
  const uint32_t device = stages_.devices[processor];
  TRY(begin_stage(task));
  const int64_t begin = now_ns();
  TRY(submit_stage(lane, task, profile_ ? &device_sink_ : nullptr));
  TRY(lane.runner->flush(device));
  at_work_[processor].queue.push_back({task, begin});
  lane.ended_ns = 0;
  if (!setup_.devices[device]->has_callbacks()) {
    lane.ended_ns = -1;
    return {};
  }
  const Status told = lane.runner->on_ended(device, stamp, &lane.ended_ns);
  if (!told.ok()) lane.ended_ns = -1;
  return told;
}

// True when the oldest stage of the device has ended.
Result<bool> Pipeline::collect(uint32_t processor, uint64_t timeout_ns) {
  Device& at_work = at_work_[processor];
  const Submitted oldest = at_work.queue.front();
  Lane& lane = lane_of(oldest.task);
  if (!TRY(lane.runner->ended(stages_.devices[processor], timeout_ns))) return false;
  at_work.queue.erase(at_work.queue.begin());
  // The event is done, so the callback is on its way.
  lane.ended_ns.wait(0, std::memory_order_acquire);
  const int64_t told = lane.ended_ns.load(std::memory_order_acquire);
  const int64_t end = told > 0 ? told : now_ns();
  const int64_t begin = std::max(oldest.begin_ns, at_work.free_ns);
  at_work.free_ns = end;
  TRY(finish(oldest.task, std::min(begin, end), end));
  return true;
}

Status Pipeline::wait_for_any() {
  const int64_t begin = now_ns();
  std::vector<uint32_t> busy;
  for (uint32_t p = 1; p < at_work_.size(); ++p)
    if (!at_work_[p].queue.empty()) busy.push_back(p);
  WEFT_CHECK(!busy.empty());
  const uint32_t task = at_work_[busy[0]].queue.front().task;
  const uint64_t timeout = busy.size() == 1 ? UINT64_MAX : kTurnNs;
  for (size_t at = 0; !TRY(collect(busy[at], timeout)); at = (at + 1) % busy.size()) continue;
  const int64_t end = now_ns();
  ++report_.waits;
  report_.wait_ns += end - begin;
  keep_record(TaskRecord::Kind::wait, task, begin, end, 0);
  return {};
}

Status Pipeline::finish(uint32_t task, int64_t begin_ns, int64_t end_ns) {
  const schedule::Task& at = (*graph_)[task];
  const Chunk& chunk = prompt_->chunks[at.chunk];
  times_.add(at.index, chunk.rows, chunk.past, end_ns - begin_ns);
  report_.processors[at.processor].busy_ns += end_ns - begin_ns;
  ++report_.processors[at.processor].stages;
  keep_record(TaskRecord::Kind::stage, task, begin_ns, end_ns, 0);
  --stages_left_[at.chunk];
  scheduler_->finish(task);
  return {};
}

void Pipeline::keep_record(TaskRecord::Kind kind, uint32_t task, int64_t begin_ns, int64_t end_ns,
                           uint64_t bytes) {
  if (!log_) return;
  const schedule::Task& at = (*graph_)[task];
  const uint32_t processor = kind == TaskRecord::Kind::stage ? at.processor : 0;
  log_->push_back({kind, at.chunk, at.index, processor, begin_ns, end_ns, bytes});
}

}  // namespace weft::runtime
