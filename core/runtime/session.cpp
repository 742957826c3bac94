#include "core/runtime/session.h"

#include <algorithm>

#include "core/plan/memory.h"

namespace weft::runtime {

using ir::Graph;
using ir::ValueId;
using ir::ValueKind;

namespace {

int64_t aligned(int64_t size) {
  return (size + plan::kAlignment - 1) / plan::kAlignment * plan::kAlignment;
}

int64_t state_bytes(const Graph& graph, ValueId state) {
  const ir::Type& type = graph[state].type;
  return ir::size_bytes(type.dtype, sym::product(type.shape).constant());
}

std::map<uint32_t, host::DevicePtr> devices_of(const Session::Setup& setup, uint32_t domain) {
  std::map<uint32_t, host::DevicePtr> devices;
  for (uint32_t i = 0; i < setup.devices.size(); ++i) {
    if (setup.domains[i] == domain) devices.emplace(i, setup.devices[i]);
  }
  return devices;
}

// Both phases of a domain share its arena: only one runs at a time. An elastic plan asks for what
// it wants when a run comes.
Result<Arena> make_arena(const Session::Setup& setup, uint32_t domain) {
  int64_t values = 0, scratch = 0;
  for (const PhasePlan* phase : {&setup.prefill, &setup.decode}) {
    scratch = std::max(scratch, phase->programs->scratch_bytes[domain]);
    if (phase->plan->memory_plan(domain) == plan::MemoryPlan::max)
      values = std::max(values, phase->plan->arena_bytes()[domain]);
  }
  return Arena::create(values, scratch, setup.shared_domains[domain], devices_of(setup, domain));
}

// The one domain that keeps the caches.
Result<uint32_t> cache_domain(const Session::Setup& setup) {
  std::vector<uint32_t> found;
  for (const PhasePlan* phase : {&setup.prefill, &setup.decode}) {
    for (const ValueId input : phase->plan->graph().inputs) {
      if (phase->plan->graph()[input].kind == ValueKind::state)
        found.push_back(phase->plan->home(input));
    }
  }
  if (std::adjacent_find(found.begin(), found.end(), std::not_equal_to<>()) != found.end()) {
    return Error{
        "the layers' caches would live on devices that share no memory; give every attention "
        "to one backend",
        ErrorKind::plugin};
  }
  return found.empty() ? 0 : found[0];
}

Error stopped(int64_t done, int64_t total) {
  return Error{
      "stopped after " + std::to_string(done) + " of " + std::to_string(total) + " prompt tokens",
      ErrorKind::check_failed};
}

}  // namespace

Result<std::vector<Arena>> Session::allocate_arenas(const Setup& setup) {
  std::vector<Arena> arenas;
  for (uint32_t domain = 0; domain < setup.shared_domains.size(); ++domain) {
    arenas.push_back(TRY(make_arena(setup, domain)));
  }
  return arenas;
}

Result<SessionMemory> Session::allocate(const Setup& setup) {
  SessionMemory memory;
  memory.arenas = TRY(allocate_arenas(setup));
  const Graph& graph = setup.prefill.plan->graph();
  int64_t cache_bytes = 0;
  for (const ValueId input : graph.inputs) {
    if (graph[input].kind != ValueKind::state) continue;
    memory.state_offset[input] = cache_bytes;
    cache_bytes = aligned(cache_bytes + state_bytes(graph, input));
  }
  const uint32_t domain = TRY(cache_domain(setup));
  memory.states = TRY(Region::create(cache_bytes, setup.shared_domains[domain],
                                     devices_of(setup, domain), "the KV cache"));
  return memory;
}

Result<std::unique_ptr<Session>> Session::create(const Setup& setup) {
  std::unique_ptr<Session> session(new Session);
  session->capacity_ = setup.capacity;
  session->chunk_ = setup.chunk;
  session->replacement_ = setup.replacement;
  const Graph& graph = setup.prefill.plan->graph();
  TRY(session->find_interface(graph));

  session->memory_ = TRY(allocate(setup));
  SessionMemory& memory = session->memory_;
  for (const ValueId input : graph.inputs) {
    const ir::Value& value = graph[input];
    if (value.kind != ValueKind::state) continue;
    const int64_t elements = sym::product(value.type.shape).constant();
    session->caches_.push_back({value.name, value.type.dtype, elements / setup.capacity});
    session->cache_offsets_.push_back(memory.state_offset.at(input));
  }
  session->prefill_ = TRY(Runner::create(*setup.prefill.plan, *setup.prefill.programs,
                                         setup.devices, memory, setup.courtesy));
  if (setup.decode.plan != setup.prefill.plan) {
    session->decode_ = TRY(Runner::create(*setup.decode.plan, *setup.decode.programs, setup.devices,
                                          memory, setup.courtesy));
  }
  session->make_pipeline(setup);
  return session;
}

// Lanes are made for prompts: what decoding wants does not count.
void Session::make_pipeline(const Setup& setup) {
  Setup lane = setup;
  lane.decode = lane.prefill;
  Pipeline::Setup pipeline;
  pipeline.plan = setup.prefill.plan;
  pipeline.devices = setup.devices;
  pipeline.first = prefill_.get();
  pipeline.options = setup.schedule;
  pipeline.chunk = setup.chunk;
  const MemoryUse use = memory_use(lane);
  pipeline.lane_bytes = use.arena + use.scratch;
  const std::string& identity = setup.prefill.programs->identity;
  if (!setup.cache_folder.empty() && !identity.empty())
    pipeline.times_file = setup.cache_folder / (identity + kTaskTimesSuffix);
  pipeline.more_memory = [this, lane]() -> Result<SessionMemory> {
    SessionMemory memory;
    memory.arenas = TRY(allocate_arenas(lane));
    memory.states = memory_.states;
    memory.state_offset = memory_.state_offset;
    return memory;
  };
  pipeline_ = Pipeline::create(pipeline);
}

Status Session::find_interface(const Graph& graph) {
  for (const ValueId input : graph.inputs) {
    const ir::Value& value = graph[input];
    if (value.kind == ValueKind::state) continue;
    if (value.name == "input_ids") {
      ids_ = input;
      ids_are_i32_ = value.type.dtype == ir::DType::i32;
    } else if (value.name == "attention_mask" && value.type.dtype == ir::DType::i64) {
      mask_ = input;
    } else {
      return Error{"the graph has an input '" + value.name + "' (" + str(value.type) +
                   ") that a session cannot fill; it fills token ids, an attention mask "
                   "and caches"};
    }
  }
  if (ids_ == ValueId::none) return Error{"the graph has no input of token ids"};
  if (sym::product(graph[ids_].type.shape) != sym::Dim::symbol("seq")) {
    return Error{"input '" + graph[ids_].name + "' is " + str(graph[ids_].type) +
                 ", which takes one length of text only; export the model with a sequence length "
                 "that is not fixed"};
  }
  for (const ir::Output& output : graph.outputs) {
    const ir::Type& type = graph[output.value].type;
    const bool rows = type.shape.size() == 3 && type.shape[2].is_constant();
    const bool computed = graph[output.value].kind == ValueKind::activation;
    if (output.name != "logits" || !rows || !computed || type.dtype != ir::DType::f32) continue;
    logits_ = output.value;
    vocabulary_ = type.shape[2].constant();
  }
  if (logits_ == ValueId::none)
    return Error{"the graph computes no output 'logits' of f32 [1, rows, vocabulary]"};
  if (mask_ != ValueId::none) ones_.assign(size_t(capacity_), 1);
  narrow_ids_.resize(ids_are_i32_ ? size_t(chunk_) : 0);
  return {};
}

Result<std::span<const float>> Session::feed_here(std::span<const int64_t> ids, int64_t rows,
                                                  const Progress& progress) {
  if (ids.empty()) return Error{"there is no token to feed", ErrorKind::usage};
  if (int64_t(ids.size()) > capacity_ - past_) {
    return Error{std::to_string(ids.size()) + " tokens do not fit: the context holds " +
                     std::to_string(capacity_) + " and " + std::to_string(past_) +
                     " are taken; a larger context (-c) holds more",
                 ErrorKind::usage};
  }
  const int64_t total = int64_t(ids.size());
  if (rows < 1 || rows > std::min(total, chunk_)) {
    return Error{"logits of " + std::to_string(rows) + " rows were asked for; 1 to " +
                     std::to_string(std::min(total, chunk_)) + " are to be had",
                 ErrorKind::usage};
  }
  // All rows asked for belong to the last chunk, which is as long as can be; the first is what is
  // left over, so that those between fill their device.
  int64_t done = 0;
  const bool parallel = pipeline_->is_parallel();
  while (total - done > chunk_) {
    const int64_t over = (total - done) % chunk_, take = over > 0 ? over : chunk_;
    const bool decodes = decode_ && take == 1;
    if (parallel && !decodes) break;
    TRY(run_chunk(ids.subspan(size_t(done), size_t(take)), 1));
    done += take;
    if (progress && !progress(done)) return stopped(done, total);
  }
  const int64_t left = total - done;
  if (parallel && (left > chunk_ || (task_log_ && left > 1)))
    return run_pipeline(ids.subspan(size_t(done)), rows, progress, done);
  auto logits = TRY(run_chunk(ids.subspan(size_t(done)), rows));
  if (progress) (void)progress(total);
  return logits;
}

Result<std::span<const float>> Session::run_pipeline(std::span<const int64_t> ids, int64_t rows,
                                                     const Progress& progress, int64_t done) {
  const int64_t start = past_, count = int64_t(ids.size());
  Pipeline::Prompt prompt;
  for (int64_t at = 0; at < count;) {
    const int64_t over = (count - at) % chunk_, take = over > 0 ? over : chunk_;
    prompt.chunks.push_back({start + at, take});
    at += take;
  }
  const auto end_of = [&](uint32_t chunk) {
    return prompt.chunks[chunk].past + prompt.chunks[chunk].rows;
  };
  bool stop = false;
  prompt.begin = [&](Runner& lane, uint32_t i) {
    const Pipeline::Chunk& chunk = prompt.chunks[i];
    return bind(lane, ids.subspan(size_t(chunk.past - start), size_t(chunk.rows)), chunk.past,
                i + 1 < prompt.chunks.size() ? 1 : rows);
  };
  prompt.ended = [&](uint32_t i) {
    past_ = end_of(i);
    stop = progress && !progress(done + past_ - start);
    return !stop;
  };
  Result<Runner*> last = pipeline_->run(prompt, profile_);
  if (!last.ok() && stop) return stopped(done + past_ - start, done + count);
  return logits_of(*TRY(std::move(last)));
}

Status Session::bind(Runner& runner, std::span<const int64_t> ids, int64_t past, int64_t rows) {
  const int64_t count = int64_t(ids.size());
  runner.bind("seq", count);
  runner.bind("past", past);
  runner.bind("rows", rows);
  TRY(runner.refresh());
  if (ids_are_i32_) {
    std::transform(ids.begin(), ids.end(), narrow_ids_.begin(),
                   [](int64_t id) { return int32_t(id); });
    TRY(runner.write_input(ids_, std::as_bytes(std::span(narrow_ids_).first(ids.size()))));
  } else {
    TRY(runner.write_input(ids_, std::as_bytes(ids)));
  }
  if (mask_ == ValueId::none) return {};
  return runner.write_input(mask_, std::as_bytes(std::span(ones_).first(size_t(past + count))));
}

Result<std::span<const float>> Session::run_chunk(std::span<const int64_t> ids, int64_t rows) {
  Runner& runner = decode_ && ids.size() == 1 ? *decode_ : *prefill_;
  TRY(bind(runner, ids, past_, rows));
  TRY(runner.run(profile_));
  past_ += int64_t(ids.size());
  return logits_of(runner);
}

Result<std::span<const float>> Session::logits_of(Runner& runner) {
  const auto bytes = TRY(runner.read_output(logits_, logits_copy_));
  return std::span<const float>(reinterpret_cast<const float*>(bytes.data()),
                                bytes.size() / sizeof(float));
}

void Session::record_tasks(std::vector<TaskRecord>* log) {
  task_log_ = log;
  pipeline_->record(log);
  if (successor_) successor_->record_tasks(log);
}

const PromptReport* Session::prompt_report() const {
  return pipeline_->report().chunks > 0 ? &pipeline_->report() : nullptr;
}

Status Session::truncate(int64_t positions) {
  if (positions < 0 || positions > past_) {
    return Error{
        "cannot keep " + std::to_string(positions) + " of " + std::to_string(past_) + " positions",
        ErrorKind::usage};
  }
  if (successor_) TRY(successor_->truncate(positions));
  past_ = positions;
  return {};
}

Status Session::check_cache(size_t index, size_t size_bytes, int64_t positions) const {
  const auto usage = [](std::string text) { return Error{std::move(text), ErrorKind::usage}; };
  if (index >= caches_.size())
    return usage("there is no cache " + std::to_string(index) + "; the session has " +
                 std::to_string(caches_.size()));
  if (positions < 0 || positions > capacity_)
    return usage(std::to_string(positions) + " positions do not fit a context of " +
                 std::to_string(capacity_));
  const Cache& cache = caches_[index];
  const int64_t expected = ir::size_bytes(cache.dtype, positions * cache.width);
  if (int64_t(size_bytes) == expected) return {};
  return usage("cache '" + cache.name + "' takes " + std::to_string(expected) + " bytes for " +
               std::to_string(positions) + " positions, not " + std::to_string(size_bytes));
}

Status Session::read_cache(size_t index, std::span<std::byte> to) const {
  if (successor_) return successor_->read_cache(index, to);
  TRY(check_cache(index, to.size(), past_));
  if (to.empty()) return {};
  return memory_.states->read(cache_offsets_[index], to);
}

Status Session::write_cache(size_t index, std::span<const std::byte> from) {
  if (successor_) return successor_->write_cache(index, from);
  if (index >= caches_.size()) return check_cache(index, 0, 0);
  const int64_t position_bytes = ir::size_bytes(caches_[index].dtype, caches_[index].width);
  TRY(check_cache(index, from.size(), int64_t(from.size()) / position_bytes));
  if (from.empty()) return {};
  return memory_.states->write(cache_offsets_[index], from);
}

Status Session::resume(int64_t positions) {
  if (positions < 0 || positions > capacity_) {
    return Error{"cannot go on after " + std::to_string(positions) +
                     " positions: the context holds " + std::to_string(capacity_),
                 ErrorKind::usage};
  }
  if (successor_) TRY(successor_->resume(positions));
  past_ = positions;
  return {};
}

int64_t Session::arena_bytes() const {
  int64_t bytes = 0;
  for (const Arena& arena : memory_.arenas) bytes += arena.size_bytes();
  return bytes + pipeline_->arena_bytes();
}

uint64_t Session::arena_growths() const {
  uint64_t growths = 0;
  for (const Arena& arena : memory_.arenas) growths += arena.growths();
  return growths;
}

MemoryUse Session::memory_use(const Setup& setup) {
  MemoryUse use;
  const Graph& graph = setup.prefill.plan->graph();
  for (const ValueId input : graph.inputs) {
    if (graph[input].kind == ValueKind::state) use.cache += state_bytes(graph, input);
  }
  use.weights = int64_t(setup.prefill.programs->constant_bytes);
  if (setup.decode.plan != setup.prefill.plan)
    use.weights += int64_t(setup.decode.programs->constant_bytes);
  for (uint32_t domain = 0; domain < setup.shared_domains.size(); ++domain) {
    use.scratch += std::max(setup.prefill.programs->scratch_bytes[domain],
                            setup.decode.programs->scratch_bytes[domain]);
    use.arena += std::max(setup.prefill.plan->arena_bytes()[domain],
                          setup.decode.plan->arena_bytes()[domain]);
  }
  return use;
}

}  // namespace weft::runtime
