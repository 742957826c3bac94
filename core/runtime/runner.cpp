#include "core/runtime/runner.h"

#include <algorithm>

#include "core/base/counters.h"
#include "core/base/log.h"

namespace weft::runtime {

using ir::ValueId;

namespace {

// One expression per elastic arena of the plan, in the order of domains.
sym::SlotTable arena_sizes(const plan::Plan& plan) {
  sym::SlotTable table;
  for (uint32_t domain = 0; domain < plan.arena_dims().size(); ++domain) {
    if (plan.memory_plan(domain) == plan::MemoryPlan::elastic)
      table.slot(plan.arena_dims()[domain]);
  }
  return table;
}

// Lengths for which an arena is made: 0, 1 and multiples of 64, so that it grows once in 64 tokens.
int64_t bucket(int64_t length, int64_t most) {
  constexpr int64_t kStep = 64;
  if (length <= 1 || length > most - kStep) return length <= 1 ? length : most;
  return (length + kStep - 1) / kStep * kStep;
}

}  // namespace

Runner::Runner(const plan::Plan& plan, const Programs& programs, SessionMemory& memory,
               std::shared_ptr<Queues> queues)
    : plan_(plan),
      programs_(programs),
      memory_(memory),
      slots_(plan.slots()),
      growth_(arena_sizes(plan)),
      queues_(std::move(queues)),
      last_(queues_->size()),
      domains_(queues_->size()) {
  const sym::SlotTable sizes = arena_sizes(plan);
  for (uint32_t domain = 0; domain < plan.arena_dims().size(); ++domain) {
    ArenaUse use;
    if (plan.memory_plan(domain) == plan::MemoryPlan::elastic)
      use.size_slot = *sizes.find(plan.arena_dims()[domain]);
    arena_uses_.push_back(use);
  }
}

Result<std::unique_ptr<Runner>> Runner::create(const plan::Plan& plan, const Programs& programs,
                                               std::span<const host::DevicePtr> devices,
                                               SessionMemory& memory,
                                               const host::Courtesy& courtesy) {
  auto queues = std::make_shared<Queues>(devices.size());
  for (const plan::IslandPlan& island : plan.islands()) {
    host::Queue& queue = (*queues)[island.device];
    if (queue) continue;
    std::string note;
    queue = TRY(devices[island.device]->create_queue(courtesy, note));
    if (!note.empty()) log::warn("{}", note);
  }
  std::unique_ptr<Runner> runner(new Runner(plan, programs, memory, std::move(queues)));
  runner->add_islands();
  return runner;
}

std::unique_ptr<Runner> Runner::sibling(SessionMemory& memory) const {
  std::unique_ptr<Runner> runner(new Runner(plan_, programs_, memory, queues_));
  runner->add_islands();
  return runner;
}

void Runner::add_islands() {
  for (size_t i = 0; i < plan_.islands().size(); ++i) {
    const plan::IslandPlan& island = plan_.islands()[i];
    domains_[island.device] = island.domain;
    IslandRun run;
    run.device = island.device;
    if (!island.fixed_slots.empty()) run.slots = island.fixed_slots.data();
    for (const ValueId value : island.graph->inputs()) add_view(run, value, island);
    for (const ValueId value : island.graph->outputs()) add_view(run, value, island);
    run.args.program = programs_.programs[i]->get();
    run.args.input_count = uint32_t(island.graph->inputs().size());
    run.args.output_count = uint32_t(island.graph->outputs().size());
    islands_.push_back(std::move(run));
  }
  // The lists have their final addresses now.
  for (IslandRun& run : islands_) {
    run.args.inputs = run.views.data();
    run.args.outputs = run.views.data() + run.args.input_count;
  }
  take_buffers();
}

Region& Runner::region_of(const plan::Location& location) const {
  return location.state == ValueId::none ? memory_.arenas[location.domain].region()
                                         : *memory_.states;
}

void Runner::add_view(IslandRun& run, ValueId value, const plan::IslandPlan& island) {
  const plan::Location& location = plan_.location(value, island.domain);
  const ir::Type& type = plan_.graph()[value].type;
  View rule;
  rule.offset_slot = location.offset_slot;
  rule.offset_base = location.offset_bytes;
  rule.in_state = location.state != ValueId::none;
  if (rule.in_state) rule.offset_base += memory_.state_offset.at(location.state);
  for (const ir::Dim& dim : type.shape) rule.dims.push_back(plan_.run_dim(dim, island));
  weft_view view{};
  view.buffer = region_of(location).buffer(run.device);
  view.dtype = weft_dtype(type.dtype);
  view.rank = uint32_t(type.shape.size());
  run.views.push_back(view);
  run.rules.push_back(std::move(rule));
}

int64_t Runner::value_of(const plan::RunDim& dim) const {
  return dim.slot == WEFT_NONE ? dim.value : slots_.values()[dim.slot];
}

void Runner::bind(std::string_view symbol, int64_t value) {
  slots_.set(symbol, value);
  growth_.set(symbol, bucket(value, plan_.graph().bounds.of(symbol).hi));
}

Status Runner::grow_arenas() {
  if (growth_.evaluate()) {
    for (uint32_t domain = 0; domain < arena_uses_.size(); ++domain) {
      const uint32_t slot = arena_uses_[domain].size_slot;
      if (slot != WEFT_NONE) TRY(memory_.arenas[domain].reserve(growth_.values()[slot]));
    }
  }
  // Another runner of the session may have replaced an arena since.
  for (uint32_t domain = 0; domain < arena_uses_.size(); ++domain) {
    if (arena_uses_[domain].growths != memory_.arenas[domain].growths()) {
      take_buffers();
      break;
    }
  }
  return {};
}

void Runner::take_buffers() {
  for (size_t i = 0; i < islands_.size(); ++i) {
    const plan::IslandPlan& island = plan_.islands()[i];
    IslandRun& run = islands_[i];
    const Arena& arena = memory_.arenas[island.domain];
    run.args.workspace = arena.region().buffer(run.device);
    run.args.scratch_offset = arena.scratch_offset();
    for (size_t v = 0; v < run.views.size(); ++v) {
      if (!run.rules[v].in_state) run.views[v].buffer = run.args.workspace;
    }
  }
  for (uint32_t domain = 0; domain < arena_uses_.size(); ++domain)
    arena_uses_[domain].growths = memory_.arenas[domain].growths();
}

Status Runner::refresh() {
  TRY(grow_arenas());
  if (!slots_.evaluate()) return {};
  for (IslandRun& run : islands_) {
    for (size_t i = 0; i < run.views.size(); ++i) {
      weft_view& view = run.views[i];
      const View& rule = run.rules[i];
      view.byte_offset = uint64_t(rule.offset_base + value_of({0, rule.offset_slot}));
      int64_t stride = 1;
      for (size_t d = rule.dims.size(); d-- > 0;) {
        view.shape[d] = value_of(rule.dims[d]);
        view.stride[d] = stride;
        stride *= view.shape[d];
      }
    }
  }
  return {};
}

int64_t Runner::offset_of(const plan::Location& location) const {
  int64_t offset = location.offset_bytes + value_of({0, location.offset_slot});
  if (location.state != ValueId::none) offset += memory_.state_offset.at(location.state);
  return offset;
}

int64_t Runner::size_of(ValueId value) const {
  const ir::Type& type = plan_.graph()[value].type;
  int64_t count = 1;
  for (const ir::Dim& dim : type.shape) count *= value_of(plan_.run_dim(dim));
  return ir::size_bytes(type.dtype, count);
}

Status Runner::write_input(ValueId input, std::span<const std::byte> bytes) {
  return write(input, plan_.home(input), bytes);
}

Status Runner::write(ValueId value, uint32_t domain, std::span<const std::byte> bytes) {
  const plan::Location& location = plan_.location(value, domain);
  Region& region = region_of(location);
  if (region.host_bytes().empty()) counters().bytes_copied += bytes.size();
  return region.write(offset_of(location), bytes);
}

Result<std::span<const std::byte>> Runner::read_output(ValueId value,
                                                       std::vector<std::byte>& scratch) {
  return read(value, plan_.home(value), scratch);
}

Result<std::span<const std::byte>> Runner::read(ValueId value, uint32_t domain,
                                                std::vector<std::byte>& scratch) {
  const plan::Location& location = plan_.location(value, domain);
  const Region& region = region_of(location);
  const size_t size = size_t(size_of(value));
  if (!region.host_bytes().empty()) {
    return std::span<const std::byte>(
        region.host_bytes().subspan(size_t(offset_of(location)), size));
  }
  scratch.resize(size);
  TRY(region.read(offset_of(location), scratch));
  counters().bytes_copied += size;
  return std::span<const std::byte>(scratch);
}

Status Runner::start() {
  TRY(refresh());
  ++run_id_;
  return {};
}

Status Runner::run(const weft_prof_sink* profile) {
  TRY(start());
  return drain(run_tasks(profile));
}

Status Runner::run_one(size_t task) {
  TRY(start());
  return drain(run_task(plan_.tasks()[task], nullptr));
}

Status Runner::submit(size_t task, const weft_prof_sink* profile) {
  return run_task(plan_.tasks()[task], profile);
}

Result<bool> Runner::ended(uint32_t device, uint64_t timeout_ns) {
  if (!last_[device]) return true;
  const Result<bool> done = last_[device].wait(timeout_ns);
  if (!done.ok() || *done) last_[device].reset();
  return done;
}

Status Runner::on_ended(uint32_t device, void(WEFT_CALL* fn)(void*, weft_status), void* arg) const {
  return last_[device].on_done(fn, arg);
}

// Whatever happened, no device works on the session's memory when this returns. The first error is
// the cause; those that come after it only repeat it.
Status Runner::drain(Status ran) {
  for (uint32_t domain = 0; domain < plan_.arena_bytes().size(); ++domain) {
    Status drained = wait_domain(domain);
    if (ran.ok()) ran = std::move(drained);
  }
  return ran;
}

Status Runner::run_tasks(const weft_prof_sink* profile) {
  for (const plan::Task& task : plan_.tasks()) TRY(run_task(task, profile));
  return {};
}

Status Runner::run_task(const plan::Task& task, const weft_prof_sink* profile) {
  if (task.kind == plan::Task::Kind::copy) {
    TRY(wait_domain(task.from_domain));
    TRY(wait_domain(task.to_domain));
    return copy(task);
  }
  IslandRun& island = islands_[task.island];
  TRY(wait_domain(domains_[island.device], island.device));
  return run_island(island, profile);
}

Status Runner::wait_domain(uint32_t domain, uint32_t except) {
  Status result;
  for (uint32_t device = 0; device < last_.size(); ++device) {
    if (device == except || !last_[device] || domains_[device] != domain) continue;
    const host::Event done = std::move(last_[device]);
    const Result<bool> ended = done.wait();
    if (!ended.ok() && result.ok()) result = ended.error();
  }
  return result;
}

Status Runner::run_island(IslandRun& run, const weft_prof_sink* profile) {
  host::Event& last = last_[run.device];
  weft_event* const previous = last.get();
  run.args.slots = run.slots ? run.slots : slots_.values().data();
  run.args.profile = profile;
  run.args.run_id = run_id_;
  run.args.waits = &previous;
  run.args.wait_count = last ? 1 : 0;
  host::Event done = TRY((*queues_)[run.device].execute(run.args));
  last = std::move(done);
  return {};
}

Status Runner::copy(const plan::Task& task) {
  const plan::Location& from = plan_.location(task.value, task.from_domain);
  const plan::Location& to = plan_.location(task.value, task.to_domain);
  const size_t size = size_t(size_of(task.value));
  const auto source = region_of(from).host_bytes(), target = region_of(to).host_bytes();
  // One side at least is a device's own memory; the other may be host memory, read in place.
  if (!source.empty()) {
    TRY(region_of(to).write(offset_of(to), source.subspan(size_t(offset_of(from)), size)));
  } else if (!target.empty()) {
    TRY(region_of(from).read(offset_of(from), target.subspan(size_t(offset_of(to)), size)));
  } else {
    between_.resize(size);
    TRY(region_of(from).read(offset_of(from), between_));
    TRY(region_of(to).write(offset_of(to), between_));
  }
  counters().bytes_copied += size;
  return {};
}

}  // namespace weft::runtime
