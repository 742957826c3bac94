#include "core/runtime/verify.h"

#include <algorithm>
#include <cmath>

#include "core/runtime/part_run.h"

namespace weft::runtime {

using ir::NodeId;
using ir::ValueId;
using ir::ValueKind;

namespace {

// How far beyond what is allowed; tensors that cannot be compared come first.
double excess(const ops::Difference& d) {
  if (!d.unlike.empty()) return HUGE_VAL;
  if (d.absolute == 0) return 0;
  return d.allowed > 0 ? d.absolute / d.allowed : HUGE_VAL;
}

ops::Tensor tensor_of(const ops::Array& like, std::span<const std::byte> bytes) {
  ops::Tensor tensor;
  tensor.dtype = like.dtype;
  tensor.shape = like.shape;
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

// The worse of two; the first of equals.
void keep_worse(ValueError& worst, ValueError other) {
  if (worst.value.empty() || excess(other.difference) > excess(worst.difference))
    worst = std::move(other);
}

std::string describe_task(const plan::Task& task) {
  return task.kind == plan::Task::Kind::run ? "island " + std::to_string(task.island)
                                            : "a copy between memories";
}

bool is_update(const ir::Graph& graph, const ir::Node& node) {
  return node.op == ir::Op::TensorScatter && graph[node.outputs[0]].placement;
}

}  // namespace

Result<std::unique_ptr<Verifier>> Verifier::create(const Session::Setup& setup,
                                                   const ops::Tolerance& tolerance) {
  std::unique_ptr<Verifier> out(new Verifier(setup, tolerance));
  out->memory_ = TRY(Session::allocate(setup));
  out->prefill_ = TRY(Runner::create(*setup.prefill.plan, *setup.prefill.programs, setup.devices,
                                     out->memory_, setup.courtesy));
  if (setup.decode.plan != setup.prefill.plan) {
    out->decode_ = TRY(Runner::create(*setup.decode.plan, *setup.decode.programs, setup.devices,
                                      out->memory_, setup.courtesy));
  }
  // Both conversations begin with empty caches.
  const ir::Graph& graph = setup.prefill.plan->graph();
  ops::Evaluation sizes(graph, {});
  for (const ValueId input : graph.inputs) {
    if (graph[input].kind != ValueKind::state) continue;
    auto shape = TRY(sizes.shape_of(input));
    ops::Tensor empty = ops::Tensor::zeros(graph[input].type.dtype, std::move(shape));
    out->chain_states_[input] = empty;
    out->reference_states_[input] = std::move(empty);
  }
  return out;
}

Status Verifier::run_reference(const VerifyStep& step) {
  reference_ = std::make_unique<ops::Evaluation>(plan_->graph(), step.bindings);
  for (const auto& [input, tensor] : step.inputs) TRY(reference_->set(input, tensor));
  for (const auto& [state, tensor] : reference_states_) TRY(reference_->set(state, tensor));
  return reference_->run();
}

Status Verifier::keep_reference_states() {
  const ir::Graph& graph = plan_->graph();
  for (const NodeId id : graph.order()) {
    if (!is_update(graph, graph[id])) continue;
    const ValueId updated = graph[id].outputs[0];
    reference_states_[graph[updated].placement->parent] = TRY(copy_of(updated));
  }
  return {};
}

// A tensor of its own for what the reference made; constants are not asked for.
Result<ops::Tensor> Verifier::copy_of(ValueId value) {
  const ops::Array array = TRY(reference_->value(value));
  const size_t size = size_t(ir::size_bytes(array.dtype, array.count()));
  return tensor_of(array, {array.data, size});
}

// What an island leaves to others: its outputs, and the caches it updates.
std::vector<ValueId> Verifier::products(const plan::IslandPlan& island) const {
  const ir::Graph& graph = plan_->graph();
  std::vector<ValueId> values = island.graph->outputs();
  for (const NodeId id : island.nodes) {
    const ir::Node& node = graph[id];
    const bool known = std::find(values.begin(), values.end(), node.outputs[0]) != values.end();
    if (is_update(graph, node) && !known) values.push_back(node.outputs[0]);
  }
  return values;
}

Result<ValueError> Verifier::compare_island(const plan::IslandPlan& island) {
  ValueError worst;
  for (const ValueId value : products(island)) {
    const ops::Array expected = TRY(reference_->value(value));
    const auto bytes = TRY(runner_->read(value, island.domain, scratch_));
    ops::Array got = expected;
    got.data = const_cast<std::byte*>(bytes.data());
    keep_worse(worst,
               {plan_->graph()[value].name, ops::difference(got, expected, tolerance_, 0, -1)});
  }
  return worst;
}

Status Verifier::run_chain(const VerifyStep& step, StepReport& report) {
  const ir::Graph& graph = plan_->graph();
  for (const auto& [state, tensor] : chain_states_)
    TRY(runner_->write(state, plan_->home(state), tensor.bytes));
  for (const auto& [input, tensor] : step.inputs) TRY(runner_->write_input(input, tensor.bytes));
  for (size_t i = 0; i < plan_->tasks().size(); ++i) {
    TRY(runner_->run_one(i), describe_task(plan_->tasks()[i]));
    if (plan_->tasks()[i].kind != plan::Task::Kind::run) continue;
    const plan::IslandPlan& island = plan_->islands()[plan_->tasks()[i].island];
    IslandReport row;
    row.island = plan_->tasks()[i].island;
    row.device = island.device;
    row.nodes = island.nodes;
    row.inherited = TRY(compare_island(island));
    report.islands.push_back(std::move(row));
  }
  for (auto& [state, tensor] : chain_states_) {
    const auto bytes = TRY(runner_->read(state, plan_->home(state), scratch_), graph[state].name);
    tensor.bytes.assign(bytes.begin(), bytes.end());
  }
  return {};
}

// Puts the reference's values into the places that the island reads: states as they are before it,
// then what lies inside them, then the rest.
Status Verifier::feed_island(const plan::IslandPlan& island) {
  const ir::Graph& graph = plan_->graph();
  std::vector<ValueId> whole, parts;
  for (const ValueId value : island.graph->inputs()) {
    const ir::Node* producer = graph.producer(value);
    const bool is_state =
        graph[value].kind == ValueKind::state || (producer && is_update(graph, *producer));
    (is_state ? whole : parts).push_back(value);
  }
  for (const auto* list : {&whole, &parts}) {
    for (const ValueId value : *list) {
      const ops::Tensor tensor = TRY(copy_of(value));
      TRY(runner_->write(value, island.domain, tensor.bytes));
    }
  }
  return {};
}

Status Verifier::run_own(StepReport& report) {
  size_t row = 0;
  for (size_t i = 0; i < plan_->tasks().size(); ++i) {
    if (plan_->tasks()[i].kind != plan::Task::Kind::run) continue;
    const plan::IslandPlan& island = plan_->islands()[plan_->tasks()[i].island];
    TRY(feed_island(island));
    TRY(runner_->run_one(i), describe_task(plan_->tasks()[i]));
    report.islands[row++].own = TRY(compare_island(island));
  }
  return {};
}

Result<StepReport> Verifier::run(const VerifyStep& step) {
  const bool decode = step.decode && decode_;
  plan_ = decode ? setup_.decode.plan : setup_.prefill.plan;
  runner_ = decode ? decode_.get() : prefill_.get();
  for (const auto& [symbol, value] : step.bindings) runner_->bind(symbol, value);
  TRY(runner_->refresh());
  StepReport report;
  report.name = step.name;
  report.decode = step.decode;
  TRY(run_reference(step), "the reference");
  TRY(run_chain(step, report));
  TRY(run_own(report));
  TRY(keep_reference_states());
  return report;
}

Result<bool> Verifier::goes_wrong(std::span<const NodeId> nodes, uint32_t device, Culprit& out) {
  Culprit tried;
  tried.nodes.assign(nodes.begin(), nodes.end());
  tried.part = TRY(ir::cut(plan_->graph(), nodes, reference_->bindings()));
  for (const ValueId value : tried.part.inputs) tried.inputs.push_back(TRY(copy_of(value)));
  for (const ValueId value : tried.part.outputs) tried.expected.push_back(TRY(copy_of(value)));
  const auto made = run_part(tried.part.graph, setup_.devices[device], tried.inputs);
  // A node that its device takes only beside others cannot be judged alone.
  if (!made.ok() && made.error().kind == ErrorKind::plugin) return false;
  if (!made.ok()) return made.error();
  for (size_t i = 0; i < made->size(); ++i) {
    keep_worse(tried.error,
               {tried.part.graph.outputs[i].name,
                ops::difference((*made)[i].view(), tried.expected[i].view(), tolerance_, 0, -1)});
  }
  out = std::move(tried);
  return !out.error.passes();
}

Result<Culprit> Verifier::find(uint32_t number) {
  const plan::IslandPlan& island = plan_->islands()[number];
  std::vector<std::vector<NodeId>> units;
  for (size_t i = 0; i < island.nodes.size(); ++i) {
    if (i == 0 || island.units[i] != island.units[i - 1]) units.emplace_back();
    units.back().push_back(island.nodes[i]);
  }
  Culprit culprit;
  for (const auto& unit : units) {
    if (!TRY(goes_wrong(unit, island.device, culprit))) continue;
    if (unit.size() == 1) return culprit;
    culprit.extent = Extent::unit;
    for (const NodeId node : unit) {
      Culprit alone;
      if (TRY(goes_wrong(std::span(&node, 1), island.device, alone))) return alone;
    }
    return culprit;
  }
  return find_range(island, units);
}

// No unit is wrong by itself: the shortest start of the island that is, then as little of it as
// will do. A longer start is taken to be no better than a shorter one.
Result<Culprit> Verifier::find_range(const plan::IslandPlan& island,
                                     const std::vector<std::vector<NodeId>>& units) {
  const auto wrong = [&](size_t first, size_t end, Culprit& out) {
    std::vector<NodeId> nodes;
    for (size_t i = first; i < end; ++i)
      nodes.insert(nodes.end(), units[i].begin(), units[i].end());
    return goes_wrong(nodes, island.device, out);
  };
  Culprit found;
  if (!TRY(wrong(0, units.size(), found))) {
    found.extent = Extent::in_place;
    return found;
  }
  size_t right = 0, end = units.size();
  while (end - right > 1) {
    Culprit tried;
    const size_t middle = right + (end - right) / 2;
    if (TRY(wrong(0, middle, tried))) {
      found = std::move(tried);
      end = middle;
    } else {
      right = middle;
    }
  }
  size_t first = 0, beyond = end;
  while (beyond - first > 1) {
    Culprit tried;
    const size_t middle = first + (beyond - first) / 2;
    if (TRY(wrong(middle, end, tried))) {
      found = std::move(tried);
      first = middle;
    } else {
      beyond = middle;
    }
  }
  found.extent = Extent::range;
  return found;
}

}  // namespace weft::runtime
