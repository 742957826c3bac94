#include "core/engine_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/runtime/memory.h"

namespace weft {

namespace {

std::vector<std::string> all_backends(const EngineOptions& options) {
  std::vector<std::string> names;
  for (const auto* list : {&options.backends, &options.prefill, &options.decode}) {
    for (const std::string& name : *list) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// Tokens of a run where an NPU computes them at fixed shapes; shorter prompts are padded. Xu et
// al., "Fast On-device LLM Inference with NPUs", ASPLOS 2025, section 3.2.
constexpr int64_t kNpuChunk = 256;

}  // namespace

std::string PlacementSummary::line() const {
  size_t total = 0;
  for (const Row& row : rows) total += row.nodes;
  std::string text;
  for (const Row& row : rows) {
    text += (text.empty() ? "" : ", ") + std::to_string(row.nodes) + " of " +
            std::to_string(total) + " nodes on " + row.backend;
  }
  return text;
}

Result<std::unique_ptr<EnginePlan>> EnginePlan::make(ir::Graph graph,
                                                     const std::vector<host::PluginPtr>& plugins,
                                                     EngineOptions options,
                                                     const passes::Observer& observer) {
  std::unique_ptr<EnginePlan> out(new EnginePlan);
  out->options_ = std::move(options);
  out->graph_ = std::move(graph);
  TRY(out->open_devices(plugins));
  out->find_domains();

  if (out->options_.usual_chunk && out->prefill_has_npu())
    out->options_.chunk = std::min(out->options_.chunk, kNpuChunk);
  passes::Context context;
  context.options.capacity = out->options_.capacity;
  context.options.chunk = out->options_.chunk;
  const ir::DType cache_type = out->default_cache_type();
  context.options.key_type = out->options_.key_type.value_or(cache_type);
  context.options.value_type = out->options_.value_type.value_or(cache_type);
  context.options.keep_interface = out->options_.keep_interface;
  TRY(passes::run(out->graph_, context, passes::Stage::placed, observer));
  out->rewrites_ = std::move(context.log);

  const EngineOptions& o = out->options_;
  const auto& prefill = o.prefill.empty() ? o.backends : o.prefill;
  const auto& decode = o.decode.empty() ? o.backends : o.decode;
  out->prefill_ = TRY(out->plan_for(prefill, out->prefill_placement_));
  if (decode != prefill) out->decode_ = TRY(out->plan_for(decode, out->decode_placement_));
  return out;
}

Status EnginePlan::open_devices(const std::vector<host::PluginPtr>& plugins) {
  // Some drivers take a priority for all that is opened, and none for a queue.
  std::vector<weft_kv> wishes = {{"compute", options_.compute.c_str()}};
  if (options_.courtesy.priority != 0)
    wishes.push_back({"priority", options_.courtesy.priority < 0 ? "low" : "high"});
  std::vector<std::string> available;
  for (const host::PluginPtr& plugin : plugins) available.push_back(plugin->name());
  for (const std::string& name : all_backends(options_)) {
    const auto found = std::find(available.begin(), available.end(), name);
    std::string why = "no plugin of that name is installed";
    if (found != available.end()) {
      const auto number = options_.devices.find(name);
      auto device = plugins[size_t(found - available.begin())]->open(
          number == options_.devices.end() ? 0 : number->second, wishes);
      if (device.ok()) {
        devices_.push_back(std::move(*device));
        continue;
      }
      why = device.error().message;
    }
    placement_.missing.push_back("backend '" + name + "' is asked for but cannot be used: " + why);
  }
  if (!devices_.empty()) return {};
  return Error{
      "none of the backends " + joined(all_backends(options_)) + " can be used (" +
          (available.empty()
               ? "no plugin of these names was found; `weft plugins list` shows what there is"
               : "there are " + joined(available)) +
          "): " + joined(placement_.missing),
      ErrorKind::plugin};
}

ir::DType EnginePlan::default_cache_type() const {
  if (options_.compute == "f32") return ir::DType::f32;
  for (const auto* phase : {&options_.prefill, &options_.decode}) {
    const std::vector<std::string>& backends = phase->empty() ? options_.backends : *phase;
    const host::Device* wanted = nullptr;  // the first that is there
    for (const std::string& name : backends)
      for (const host::DevicePtr& device : devices_)
        if (!wanted && device->plugin()->name() == name && device->info().computes(WEFT_F32))
          wanted = device.get();
    if (!wanted || !wanted->info().computes(WEFT_F16)) return ir::DType::f32;
  }
  return ir::DType::f16;
}

bool EnginePlan::prefill_has_npu() const {
  const auto& names = options_.prefill.empty() ? options_.backends : options_.prefill;
  return std::any_of(devices_.begin(), devices_.end(), [&](const host::DevicePtr& device) {
    return device->info().type == WEFT_DEV_NPU &&
           std::find(names.begin(), names.end(), device->plugin()->name()) != names.end();
  });
}

void EnginePlan::find_domains() {
  // Domain 0 is shared host memory; each device that cannot import it has a domain of its own.
  shared_domains_ = {true};
  for (const host::DevicePtr& device : devices_) {
    if (runtime::imports_host_memory(*device)) {
      domains_.push_back(0);
    } else {
      domains_.push_back(uint32_t(shared_domains_.size()));
      shared_domains_.push_back(false);
    }
  }
}

Result<std::unique_ptr<plan::Plan>> EnginePlan::plan_for(const std::vector<std::string>& backends,
                                                         Placement& out) {
  std::vector<uint32_t>& preference = out.preference;
  for (const std::string& name : backends) {
    for (uint32_t i = 0; i < devices_.size(); ++i) {
      if (devices_[i]->plugin()->name() == name) preference.push_back(i);
    }
  }
  if (preference.empty()) {
    return Error{"none of the backends " + joined(backends) + " can be used", ErrorKind::plugin};
  }
  out.assignment = TRY(partition::assign(graph_, devices_, preference));
  TRY(summarize(out.assignment, devices_[preference[0]]->plugin()->name()));
  auto islands = TRY(partition::schedule(graph_, out.assignment.units));
  auto plan = TRY(plan::Plan::make(graph_, std::move(islands), domains_, options_.memory));
  note_copied_updates(*plan);
  return plan;
}

// One line per backend whose updates of a cache are written by TensorScatter, not by their
// producer.
void EnginePlan::note_copied_updates(const plan::Plan& plan) {
  std::map<uint32_t, size_t> updates;
  for (const plan::CopiedUpdate& update : plan.copied_updates()) ++updates[update.device];
  for (const auto& [device, count] : updates) {
    placement_.reasons.push_back(
        std::to_string(count) + " x cache update is copied: " + devices_[device]->plugin()->name() +
        " computes it and shares no memory with the cache");
  }
}

Status EnginePlan::summarize(const partition::Assignment& assignment,
                             const std::string& first_choice) {
  for (const partition::Unit& unit : assignment.units) {
    const std::string& name = devices_[unit.device]->plugin()->name();
    auto row = std::find_if(placement_.rows.begin(), placement_.rows.end(),
                            [&](const PlacementSummary::Row& r) { return r.backend == name; });
    if (row == placement_.rows.end()) row = placement_.rows.insert(row, {name, 0, {}});
    row->nodes += unit.nodes.size();
    for (const ir::NodeId id : unit.nodes) ++row->ops[std::string(ir::name(graph_[id].op))];
    if (!options_.require.empty() && name != options_.require) {
      const ir::Node& node = graph_[unit.nodes[0]];
      return Error{"--require " + options_.require + ": node '" + node.name + "' (" +
                       std::string(ir::name(node.op)) + ") is placed on " + name,
                   ErrorKind::placement};
    }
  }
  // Refusals, grouped by op and sentence.
  std::map<std::string, size_t> groups;
  for (const partition::Decline& decline : assignment.declines) {
    const std::string& by = devices_[decline.device]->plugin()->name();
    if (by != first_choice) continue;
    ++groups[std::string(ir::name(graph_[decline.node].op)) + ": " + by + ": " + decline.why];
  }
  std::vector<std::pair<size_t, std::string>> sorted;
  for (const auto& [text, count] : groups) sorted.emplace_back(count, text);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](auto& a, auto& b) { return a.first > b.first; });
  for (const auto& [count, text] : sorted) {
    placement_.reasons.push_back(std::to_string(count) + " x " + text);
  }
  return {};
}

PlannedMemory EnginePlan::memory() const {
  PlannedMemory use;
  for (const ir::ValueId input : graph_.inputs) {
    const ir::Value& value = graph_[input];
    if (value.kind != ir::ValueKind::state) continue;
    use.cache += ir::size_bytes(value.type.dtype, sym::product(value.type.shape).constant());
  }
  std::set<const ir::Constant*> counted;
  const auto count = [&](ir::ValueId id) {
    const ir::Constant* constant = id == ir::ValueId::none ? nullptr : graph_[id].constant.get();
    if (constant && counted.insert(constant).second) use.weights += int64_t(constant->bytes.size());
  };
  for (const ir::NodeId node : graph_.order()) {
    for (const ir::ValueId input : graph_[node].inputs) {
      count(input);
      if (input == ir::ValueId::none || !graph_[input].quantization) continue;
      count(graph_[input].quantization->scale);
      count(graph_[input].quantization->zero_point);
    }
  }
  for (uint32_t domain = 0; domain < shared_domains_.size(); ++domain)
    use.arena += std::max(prefill().arena_bytes()[domain], decode().arena_bytes()[domain]);
  return use;
}

}  // namespace weft
