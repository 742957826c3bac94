#include "core/runtime/stages.h"

#include <algorithm>
#include <set>

namespace weft::runtime {

using ir::Graph;
using ir::ValueId;
using ir::ValueKind;

namespace {

// The caches that an island reads and writes.
struct Touched {
  std::set<ValueId> read, written;
};

// The cache that `value` is, or lies in.
ValueId state_of(const Graph& graph, ValueId value) {
  if (value == ValueId::none) return ValueId::none;
  if (graph[value].kind == ValueKind::state) return value;
  return graph[value].placement ? graph[value].placement->parent : ValueId::none;
}

void touch(const Graph& graph, const plan::IslandPlan& island, Touched& touched) {
  for (const ir::NodeId node : island.nodes) {
    for (const ValueId input : graph[node].inputs) touched.read.insert(state_of(graph, input));
    for (const ValueId output : graph[node].outputs)
      touched.written.insert(state_of(graph, output));
  }
  touched.read.erase(ValueId::none);
  touched.written.erase(ValueId::none);
}

uint32_t processor_of(Stages& out, const plan::Task& task, const plan::Plan& plan,
                      std::span<const host::DevicePtr> devices) {
  if (task.kind == plan::Task::Kind::copy) return 0;
  const uint32_t device = plan.islands()[task.island].device;
  if (devices[device]->info().type == WEFT_DEV_CPU) return 0;
  const auto found = std::find(out.devices.begin() + 1, out.devices.end(), device);
  if (found == out.devices.end()) {
    out.devices.push_back(device);
    out.names.push_back(devices[device]->plugin()->name());
    return uint32_t(out.devices.size() - 1);
  }
  return uint32_t(found - out.devices.begin());
}

std::string name_of(const plan::Plan& plan, const plan::Task& task) {
  const Graph& graph = plan.graph();
  if (task.kind == plan::Task::Kind::copy) return "copy " + graph[task.value].name;
  const ir::Node& node = graph[plan.islands()[task.island].nodes.front()];
  return node.name.empty() ? std::string(ir::name(node.op)) : node.name;
}

void add_task(Stages& out, std::vector<Touched>& touched, const plan::Plan& plan, size_t at,
              uint32_t processor) {
  const plan::Task& task = plan.tasks()[at];
  const bool is_run = task.kind == plan::Task::Kind::run;
  if (out.stages.empty() || out.stages.back().processor != processor) {
    out.stages.push_back({at, 0, processor, name_of(plan, task)});
    touched.emplace_back();
  }
  Stage& stage = out.stages.back();
  // An island says more about a stage than the copies before it do.
  if (is_run && stage.name.starts_with("copy ")) stage.name = name_of(plan, task);
  ++stage.task_count;
  if (is_run) touch(plan.graph(), plan.islands()[task.island], touched.back());
}

bool meet(const std::set<ValueId>& a, const std::set<ValueId>& b) {
  return std::any_of(a.begin(), a.end(), [&](ValueId value) { return b.contains(value); });
}

}  // namespace

Stages find_stages(const plan::Plan& plan, std::span<const host::DevicePtr> devices) {
  Stages out;
  out.devices = {WEFT_NONE};
  out.names = {"host"};
  std::vector<Touched> touched;
  for (size_t at = 0; at < plan.tasks().size(); ++at)
    add_task(out, touched, plan, at, processor_of(out, plan.tasks()[at], plan, devices));

  out.steps.early_steps = 1;
  for (uint32_t s = 0; s < out.stages.size(); ++s) {
    schedule::Step step{out.stages[s].processor};
    for (uint32_t writer = 0; writer < out.stages.size(); ++writer)
      if (meet(touched[s].read, touched[writer].written)) step.after.push_back(writer);
    if (!touched[s].written.empty()) out.steps.early_steps = s + 1;
    out.steps.steps.push_back(std::move(step));
  }
  return out;
}

}  // namespace weft::runtime
