// Islands, tasks, copies and memory of an explanation.
#include <algorithm>
#include <set>

#include "core/linear_share.h"
#include "tools/weft/explanation.h"

namespace weft::cli {

namespace {

using ir::NodeId;
using ir::ValueId;
using plan::Task;

const std::string& backend_of(const EnginePlan& plan, uint32_t device) {
  return plan.devices()[device]->plugin()->name();
}

std::string label(const ir::Node& node) {
  return node.name.empty() ? std::string(ir::name(node.op)) : node.name;
}

// Constants that islands of `phase` read, each once: bytes per backend.
void add_constants(const EnginePlan& plan, const plan::IslandPlan& island,
                   std::set<const std::byte*>& seen, int64_t& bytes) {
  const auto count = [&](ValueId id) {
    if (id == ValueId::none || !plan.graph()[id].constant) return;
    const auto span = plan.graph()[id].constant->bytes;
    if (seen.insert(span.data()).second) bytes += int64_t(span.size());
  };
  for (const NodeId node : island.nodes) {
    for (const ValueId input : plan.graph()[node].inputs) {
      count(input);
      if (input == ValueId::none || !plan.graph()[input].quantization) continue;
      count(plan.graph()[input].quantization->scale);
      count(plan.graph()[input].quantization->zero_point);
    }
  }
}

Document island_document(const EnginePlan& plan, const plan::Plan& phase, size_t index) {
  const plan::IslandPlan& island = phase.islands()[index];
  const auto numbers = node_numbers(plan.graph());
  Document nodes = Document::array(), fixed = Document::object();
  for (const NodeId id : island.nodes) nodes.push_back(numbers.at(id));
  for (size_t i = 0; i < island.fixed_slots.size(); ++i) {
    if (island.fixed_slots[i] >= 0) fixed[phase.slots().dims()[i].str()] = island.fixed_slots[i];
  }
  const int64_t seq = &phase == &plan.prefill() ? plan.options().chunk : 1;
  std::set<const std::byte*> seen;
  int64_t constants = 0;
  add_constants(plan, island, seen, constants);
  const std::set<uint32_t> units(island.units.begin(), island.units.end());
  return {{"id", index},
          {"backend", backend_of(plan, island.device)},
          {"domain", island.domain},
          {"nodes", nodes},
          {"units", units.size()},
          {"inputs", island.graph->inputs().size()},
          {"outputs", island.graph->outputs().size()},
          {"constant_bytes", constants},
          {"multiply_adds", int64_t(multiply_adds(plan.graph(), island, seq))},
          {"shapes", island.fixed_slots.empty() ? "any length" : "fixed"},
          {"fixed_dims", fixed}};
}

// Who puts `value` where it comes from, and who reads it on the other side.
Document copy_document(const EnginePlan& plan, const plan::Plan& phase, size_t task_index) {
  const Task& task = phase.tasks()[task_index];
  const ir::Graph& graph = plan.graph();
  const auto numbers = node_numbers(graph);
  Document readers = Document::array();
  std::string reader;
  for (const plan::IslandPlan& island : phase.islands()) {
    if (island.domain != task.to_domain) continue;
    for (const NodeId id : island.nodes) {
      const auto& inputs = graph[id].inputs;
      if (std::find(inputs.begin(), inputs.end(), task.value) == inputs.end()) continue;
      readers.push_back(numbers.at(id));
      if (reader.empty()) reader = label(graph[id]) + " on " + backend_of(plan, island.device);
    }
  }
  const NodeId producer = graph[task.value].producer;
  std::string maker = "the input is written in";
  for (const plan::IslandPlan& island : phase.islands()) {
    if (std::find(island.nodes.begin(), island.nodes.end(), producer) != island.nodes.end())
      maker = backend_of(plan, island.device) + " computes it in";
  }
  Document out = {{"task", task_index},
                  {"value", graph[task.value].name},
                  {"type", str(graph[task.value].type)},
                  {"from", domain_name(plan, task.from_domain)},
                  {"to", domain_name(plan, task.to_domain)},
                  {"maker", nullptr},
                  {"readers", readers},
                  {"bytes", bytes_document(plan, task.value)},
                  {"why", maker + " " + domain_name(plan, task.from_domain) + ", and " + reader +
                              " reads it in " + domain_name(plan, task.to_domain)}};
  if (producer != NodeId::none) out["maker"] = numbers.at(producer);
  return out;
}

Document copies_document(const EnginePlan& plan, const plan::Plan& phase) {
  Document copies = Document::array();
  for (size_t i = 0; i < phase.tasks().size(); ++i) {
    if (phase.tasks()[i].kind == Task::Kind::copy) copies.push_back(copy_document(plan, phase, i));
  }
  for (const plan::CopiedUpdate& update : phase.copied_updates()) {
    const std::string& backend = backend_of(plan, update.device);
    copies.push_back(
        {{"task", nullptr},
         {"value", plan.graph()[update.value].name},
         {"type", str(plan.graph()[update.value].type)},
         {"from", backend},
         {"to", plan.graph()[update.state].name},
         {"maker", nullptr},
         {"readers", Document::array()},
         {"bytes", bytes_document(plan, update.value)},
         {"why", backend + " computes it and shares no memory with the cache, so it cannot "
                           "be written in place: TensorScatter copies it"}});
  }
  return copies;
}

Document tasks_document(const EnginePlan& plan, const plan::Plan& phase) {
  Document tasks = Document::array();
  for (const Task& task : phase.tasks()) {
    Document row = {{"kind", "run"},
                    {"island", nullptr},
                    {"backend", nullptr},
                    {"value", nullptr},
                    {"needs", task.needs},
                    {"first_step", task.first_step},
                    {"last_step", task.last_step}};
    if (task.kind == Task::Kind::run) {
      row["island"] = task.island;
      row["backend"] = backend_of(plan, phase.islands()[task.island].device);
    } else {
      row["kind"] = "copy";
      row["value"] = plan.graph()[task.value].name;
    }
    tasks.push_back(row);
  }
  return tasks;
}

Document slots_document(const EnginePlan& plan, const plan::Plan& phase) {
  Document slots = Document::array();
  for (const ir::Dim& dim : phase.slots().dims()) {
    const sym::Interval range = plan.graph().bounds.of(dim);
    Document row = {{"expression", dim.str()}, {"least", range.lo}, {"most", nullptr}};
    if (range.hi != sym::kUnbounded) row["most"] = range.hi;
    slots.push_back(row);
  }
  return slots;
}

// Bytes of an expression for a run of one token and for the longest one, both from an empty cache.
void add_run_sizes(const EnginePlan& plan, const ir::Dim& expression, ir::DType dtype,
                   Document& out) {
  for (const auto& [key, length] :
       {std::pair{"one_token", int64_t{1}}, std::pair{"longest_run", plan.options().chunk}}) {
    sym::Bindings bindings;
    for (const std::string& symbol : expression.symbols()) {
      const sym::Interval range = plan.graph().bounds.of(symbol);
      bindings[symbol] = std::clamp(symbol == "past" ? 0 : length, range.lo, range.hi);
    }
    if (const auto elements = expression.eval(bindings))
      out[key] = ir::size_bytes(dtype, *elements);
  }
}

// The arena of `domain`: how its places were found, and its bytes at the upper bounds of all
// lengths.
Document arena_document(const EnginePlan& plan, const plan::Plan& phase, uint32_t domain) {
  const bool elastic = phase.memory_plan(domain) == plan::MemoryPlan::elastic;
  Document out = {{"domain", domain_name(plan, domain)},
                  {"bytes", phase.arena_bytes()[domain]},
                  {"plan", elastic ? "elastic" : "max"}};
  if (!elastic) return out;
  out["expression"] = phase.arena_dims()[domain].str();
  add_run_sizes(plan, phase.arena_dims()[domain], ir::DType::u8, out);
  return out;
}

Document arenas_document(const EnginePlan& plan, const plan::Plan& phase) {
  Document arenas = Document::array();
  for (uint32_t domain = 0; domain < phase.arena_bytes().size(); ++domain) {
    Document stays = Document::array();
    int64_t sum = 0;
    for (const plan::Stay& stay : phase.stays()) {
      if (stay.domain != domain) continue;
      sum += stay.block.size_bytes;
      stays.push_back({{"value", plan.graph()[stay.value].name},
                       {"offset", stay.block.offset},
                       {"bytes", stay.block.size_bytes},
                       {"first_step", stay.block.first},
                       {"last_step", stay.block.last}});
    }
    Document arena = arena_document(plan, phase, domain);
    arena["sum_of_values"] = sum;
    arena["lifetimes"] = stays;
    arenas.push_back(arena);
  }
  return arenas;
}

Document phase_document(const EnginePlan& plan, const plan::Plan& phase, const Placement& placement,
                        const char* name) {
  Document out;
  out["name"] = name;
  out["backends"] = Document::array();
  for (const uint32_t device : placement.preference)
    out["backends"].push_back(backend_of(plan, device));
  out["islands"] = Document::array();
  for (size_t i = 0; i < phase.islands().size(); ++i)
    out["islands"].push_back(island_document(plan, phase, i));
  out["tasks"] = tasks_document(plan, phase);
  out["copies"] = copies_document(plan, phase);
  out["slots"] = slots_document(plan, phase);
  out["arenas"] = arenas_document(plan, phase);
  return out;
}

}  // namespace

std::string domain_name(const EnginePlan& plan, uint32_t domain) {
  if (plan.shared_domains()[domain]) return "host memory";
  for (size_t device = 0; device < plan.devices().size(); ++device) {
    if (plan.domains()[device] == domain) return backend_of(plan, uint32_t(device)) + "'s memory";
  }
  return "memory " + std::to_string(domain);
}

Document bytes_document(const EnginePlan& plan, ValueId id) {
  const ir::Value& value = plan.graph()[id];
  const ir::Dim count = sym::product(value.type.shape);
  const sym::Bounds& bounds = plan.graph().bounds;
  const auto bytes_of = [&](int64_t elements) {
    return ir::size_bytes(value.type.dtype, elements);
  };
  Document out = {{"expression", nullptr}, {"most", nullptr}};
  out["expression"] = (count * ir::Dim(bytes_of(1))).str();
  const int64_t most = bounds.of(count).hi;
  if (most != sym::kUnbounded) out["most"] = bytes_of(most);
  if (count.is_constant()) return out;
  add_run_sizes(plan, count, value.type.dtype, out);
  return out;
}

Document phases_document(const EnginePlan& plan) {
  if (&plan.prefill() == &plan.decode())
    return Document::array(
        {phase_document(plan, plan.prefill(), plan.prefill_placement(), "prompt and tokens")});
  return Document::array({phase_document(plan, plan.prefill(), plan.prefill_placement(), "prompt"),
                          phase_document(plan, plan.decode(), plan.decode_placement(), "tokens")});
}

Document memory_document(const EnginePlan& plan, const std::optional<WeightFacts>& weights) {
  const PlannedMemory memory = plan.memory();
  const int64_t capacity = plan.options().capacity;
  Document formats = Document::array(), read_by = Document::array(), arenas = Document::array();
  if (weights) {
    for (const auto& row : weights->rows)
      formats.push_back({{"format", row.format}, {"tensors", row.tensors}, {"bytes", row.bytes}});
  }
  for (uint32_t device = 0; device < plan.devices().size(); ++device) {
    std::set<const std::byte*> seen;
    int64_t bytes = 0;
    for (const plan::Plan* phase : {&plan.prefill(), &plan.decode()}) {
      for (const plan::IslandPlan& island : phase->islands()) {
        if (island.device == device) add_constants(plan, island, seen, bytes);
      }
    }
    read_by.push_back({{"backend", backend_of(plan, device)}, {"bytes", bytes}});
  }
  for (uint32_t domain = 0; domain < plan.shared_domains().size(); ++domain) {
    const bool prefill =
        plan.prefill().arena_bytes()[domain] >= plan.decode().arena_bytes()[domain];
    arenas.push_back(arena_document(plan, prefill ? plan.prefill() : plan.decode(), domain));
  }
  return {{"weights_bytes", memory.weights},
          {"cache_bytes", memory.cache},
          {"cache_bytes_per_1024", memory.cache / capacity * 1024},
          {"arena_bytes", memory.arena},
          {"total_bytes", memory.total()},
          {"first_start_bytes", memory.total() + memory.weights},
          {"capacity", capacity},
          {"chunk", plan.options().chunk},
          {"formats", formats},
          {"weights_read_by", read_by},
          {"arenas", arenas}};
}

}  // namespace weft::cli
