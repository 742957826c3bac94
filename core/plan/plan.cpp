#include "core/plan/plan.h"

#include <algorithm>
#include <set>

#include "core/base/check.h"
#include "core/partition/fixed_shapes.h"
#include "core/plan/elastic.h"

namespace weft::plan {

using ir::Graph;
using ir::NodeId;
using ir::Value;
using ir::ValueId;
using ir::ValueKind;

// Builds a plan in four steps: who reads what where, tasks, lifetimes, places.
struct Plan::Builder {
  Plan& plan;
  const Graph& graph;
  std::vector<partition::Island> parts;
  const std::vector<uint32_t>& domains;
  const MemoryPlan memory;
  std::vector<std::vector<NodeId>> users = ir::all_users(graph);
  std::map<NodeId, uint32_t> island_of = {}, unit_of = {};
  std::map<ValueId, std::set<uint32_t>> reading_islands = {};  // other than the producing one
  std::map<std::pair<ValueId, uint32_t>, uint32_t> made_by =
      {};  // task that puts value into domain
  // One block per value and domain, with lifetimes in task steps times nodes.
  std::vector<Stay>& stays = plan.stays_;
  std::map<std::pair<ValueId, uint32_t>, size_t> stay_of = {};
  std::set<ValueId> unplaced = {};  // plan.copied_updates_

  uint32_t domain_of_island(uint32_t island) const { return domains[parts[island].device]; }

  void find_readers() {
    for (uint32_t i = 0; i < parts.size(); ++i) {
      for (size_t k = 0; k < parts[i].nodes.size(); ++k) {
        island_of[parts[i].nodes[k]] = i;
        unit_of[parts[i].nodes[k]] = parts[i].units[k];
      }
    }
    for (const NodeId id : graph.order()) {
      for (const ValueId value : graph[id].inputs) {
        if (value == ValueId::none) continue;
        const NodeId producer = graph[value].producer;
        if (producer == NodeId::none || island_of[producer] != island_of[id]) {
          reading_islands[value].insert(island_of[id]);
        }
      }
    }
  }

  // A state lives in the domain of the islands that use it; so does every view of it. An input that
  // nobody reads has a place all the same: it is written like any other.
  Status find_homes() {
    for (const ValueId input : graph.inputs) {
      const auto& readers = reading_islands[input];
      plan.homes_[input] = readers.empty() ? 0 : domain_of_island(*readers.begin());
      if (graph[input].kind == ValueKind::state) TRY(check_readers(input, input));
    }
    for (const NodeId id : graph.order()) {
      for (const ValueId out : graph[id].outputs) {
        if (out == ValueId::none) continue;
        plan.homes_[out] = domain_of_island(island_of[id]);
        if (!graph[out].placement) continue;
        const ValueId state = graph[out].placement->parent;
        if (plan.homes_[out] != plan.homes_[state]) {
          if (!only_scattered(out)) return split_cache(state);
          unplaced.insert(out);
          plan.copied_updates_.push_back({out, state, parts[island_of[id]].device});
          continue;
        }
        TRY(check_readers(out, state));
      }
    }
    return {};
  }

  // Whether TensorScatter alone reads `value`, as its update: then the value need not be in the
  // cache beforehand, because TensorScatter writes it there.
  bool only_scattered(ValueId value) const {
    const std::vector<NodeId>& readers = users[size_t(value)];
    return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](NodeId user) {
      return graph[user].op == ir::Op::TensorScatter && graph[user].inputs[0] != value;
    });
  }

  bool is_placed(ValueId value) const {
    return graph[value].placement && !unplaced.contains(value);
  }

  // Values that outlive their unit or island are the ones that need a place.
  bool needs_place(ValueId value) const {
    const ValueKind kind = graph[value].kind;
    return (kind == ValueKind::activation || kind == ValueKind::input) && !is_placed(value);
  }

  // Every island that reads `value`, which is in `state`, is in the domain of the state.
  Status check_readers(ValueId value, ValueId state) const {
    const auto readers = reading_islands.find(value);
    if (readers == reading_islands.end()) return {};
    for (const uint32_t island : readers->second) {
      if (domain_of_island(island) != plan.homes_.at(state)) return split_cache(state);
    }
    return {};
  }

  Error split_cache(ValueId state) const {
    return Error{"the cache '" + graph[state].name +
                     "' is used by devices that share no memory; give the nodes that use it to one "
                     "backend",
                 ErrorKind::plugin};
  }

  // Copies come right before the island that reads the value in another domain.
  void make_tasks() {
    for (uint32_t i = 0; i < parts.size(); ++i) {
      const uint32_t domain = domain_of_island(i);
      Task run;
      run.island = i;
      std::set<uint32_t> needs;
      for (const auto& [value, readers] : reading_islands) {
        if (!readers.contains(i)) continue;
        const Value& v = graph[value];
        if (v.kind == ValueKind::constant || v.kind == ValueKind::symbolic) continue;
        const uint32_t home = plan.homes_[value];
        if (home != domain && !made_by.contains({value, domain})) {
          Task copy;
          copy.kind = Task::Kind::copy;
          copy.value = value;
          copy.from_domain = home;
          copy.to_domain = domain;
          if (const auto made = made_by.find({value, home}); made != made_by.end()) {
            copy.needs = {made->second};
          }
          made_by[{value, domain}] = uint32_t(plan.tasks_.size());
          plan.tasks_.push_back(std::move(copy));
        }
        if (const auto made = made_by.find({value, domain}); made != made_by.end()) {
          needs.insert(made->second);
        }
      }
      run.needs.assign(needs.begin(), needs.end());
      for (const NodeId id : parts[i].nodes) {
        for (const ValueId out : graph[id].outputs)
          made_by[{out, domain}] = uint32_t(plan.tasks_.size());
      }
      plan.tasks_.push_back(std::move(run));
    }
  }

  void touch(ValueId value, uint32_t domain, int64_t step) {
    if (value == ValueId::none || !needs_place(value) || inside_unit(value)) return;
    const auto [entry, fresh] = stay_of.emplace(std::pair(value, domain), stays.size());
    if (fresh) stays.push_back({value, domain, {0, step, step, -1}});
    Block& block = stays[entry->second].block;
    block.first = std::min(block.first, step);
    block.last = std::max(block.last, step);
  }

  // A value between nodes of one unit never leaves the plugin: it gets no memory.
  bool inside_unit(ValueId value) const {
    const NodeId producer = graph[value].producer;
    if (producer == NodeId::none || graph.is_output(value)) return false;
    const std::vector<NodeId>& readers = users[size_t(value)];
    return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](NodeId user) {
      return unit_of.at(user) == unit_of.at(producer);
    });
  }

  // A unit reads and writes all its values at one step, so its inputs never share bytes with its
  // outputs.
  Status find_lifetimes() {
    int64_t step = 1;
    for (Task& task : plan.tasks_) {
      task.first_step = task.last_step = step;
      if (task.kind == Task::Kind::copy) {
        touch(task.value, task.from_domain, step);
        touch(task.value, task.to_domain, step++);
        continue;
      }
      const partition::Island& part = parts[task.island];
      const uint32_t domain = domain_of_island(task.island);
      for (size_t k = 0; k < part.nodes.size(); ++k) {
        if (k > 0 && part.units[k] != part.units[k - 1]) ++step;
        for (const ValueId value : graph[part.nodes[k]].inputs) touch(value, domain, step);
        for (const ValueId value : graph[part.nodes[k]].outputs) touch(value, domain, step);
      }
      task.last_step = step++;
    }
    // Inputs are written before the first step, outputs read after the last.
    for (const ValueId input : graph.inputs) {
      if (plan.homes_.contains(input)) touch(input, plan.homes_[input], 0);
    }
    for (const ir::Output& output : graph.outputs)
      touch(output.value, plan.homes_[output.value], step);
    return size_stays();
  }

  Status size_stays() {
    for (Stay& stay : stays) {
      const Value& value = graph[stay.value];
      const ir::Dim elements = sym::product(value.type.shape);
      const sym::Interval count = graph.bounds.of(elements);
      if (count.hi == sym::kUnbounded || count.hi > (int64_t{1} << 46)) {
        return Error{"the size of '" + value.name + "' (" + str(value.type) +
                         ") has no useful upper bound, so no memory can be planned for it",
                     ErrorKind::model};
      }
      stay.block.size_bytes = ir::size_bytes(value.type.dtype, count.hi);
      stay.size_bytes = sym::ceildiv(elements * ir::Dim(ir::bits(value.type.dtype)), 8);
    }
    return {};
  }

  void place() {
    const uint32_t domain_count = 1 + *std::max_element(domains.begin(), domains.end());
    plan.arena_bytes_.assign(domain_count, 0);
    plan.arena_dims_.assign(domain_count, 0);
    plan.memory_plans_.assign(domain_count, memory);
    for (const partition::Island& part : parts) {
      if (part.fixed_shapes) plan.memory_plans_[domains[part.device]] = MemoryPlan::max;
    }
    for (uint32_t domain = 0; domain < domain_count; ++domain) {
      if (plan.memory_plans_[domain] == MemoryPlan::max) {
        place_for_longest(domain);
      } else {
        place_elastic(domain);
      }
    }
    for (const Stay& stay : stays) {
      Location location;
      location.domain = stay.domain;
      set_offset(location, stay.offset);
      plan.locations_[{stay.value, stay.domain}] = location;
    }
    for (const NodeId id : graph.order()) {
      for (const ValueId out : graph[id].outputs) {
        if (out != ValueId::none && is_placed(out)) place_view(out);
      }
    }
    for (const ValueId input : graph.inputs) {
      if (graph[input].kind != ValueKind::state || !plan.homes_.contains(input)) continue;
      Location location;
      location.domain = plan.homes_[input];
      location.state = input;
      plan.locations_[{input, location.domain}] = location;
    }
  }

  void place_for_longest(uint32_t domain) {
    std::vector<Block> blocks;
    std::vector<Stay*> from;
    for (Stay& stay : stays) {
      if (stay.domain != domain) continue;
      blocks.push_back(stay.block);
      from.push_back(&stay);
    }
    plan.arena_bytes_[domain] = assign_offsets(blocks);
    plan.arena_dims_[domain] = plan.arena_bytes_[domain];
    for (size_t i = 0; i < blocks.size(); ++i) {
      from[i]->block.offset = blocks[i].offset;
      from[i]->offset = blocks[i].offset;
    }
  }

  void place_elastic(uint32_t domain) {
    std::vector<ElasticBlock> blocks;
    std::vector<Stay*> from;
    for (Stay& stay : stays) {
      if (stay.domain != domain) continue;
      blocks.push_back({stay.size_bytes, stay.block.first, stay.block.last});
      from.push_back(&stay);
    }
    plan.arena_dims_[domain] = assign_elastic_offsets(blocks, graph.bounds);
    plan.arena_bytes_[domain] = graph.bounds.of(plan.arena_dims_[domain]).hi;
    for (size_t i = 0; i < blocks.size(); ++i) {
      from[i]->offset = blocks[i].offset;
      from[i]->block.offset = graph.bounds.of(blocks[i].offset).hi;
    }
  }

  void set_offset(Location& location, const ir::Dim& bytes) {
    if (bytes.is_constant()) {
      location.offset_bytes = bytes.constant();
    } else {
      location.offset_slot = plan.slots_.slot(bytes);
    }
  }

  void place_view(ValueId id) {
    const Value& value = graph[id];
    Location location;
    location.domain = plan.homes_[id];
    location.state = value.placement->parent;
    set_offset(location, value.placement->offset * ir::Dim(ir::size_bytes(value.type.dtype, 1)));
    plan.locations_[{id, location.domain}] = location;
  }

  // Where the workspace of an island in `domain` has `value`; -1 where it has not.
  ir::Dim workspace_offset(ValueId value, uint32_t domain) const {
    const auto at = plan.locations_.find({value, domain});
    if (at == plan.locations_.end()) return -1;
    const Location& location = at->second;
    if (location.offset_slot == WEFT_NONE) return location.offset_bytes;
    return plan.slots_.dims()[location.offset_slot];
  }

  void slot_dims(ValueId value) {
    for (const ir::Dim& dim : graph[value].type.shape) {
      if (!dim.is_constant()) plan.slots_.slot(dim);
    }
  }

  void make_islands() {
    for (uint32_t i = 0; i < parts.size(); ++i) {
      IslandPlan island;
      island.device = parts[i].device;
      island.domain = domain_of_island(i);
      island.nodes = parts[i].nodes;
      island.units = parts[i].units;
      std::vector<ValueId> outputs;
      for (const NodeId id : island.nodes) {
        for (const ValueId out : graph[id].outputs) {
          if (out == ValueId::none) continue;
          if (graph.is_output(out) || reading_islands.contains(out)) outputs.push_back(out);
        }
      }
      partition::AbiGraph::Part part{
          island.nodes, parts[i].units, outputs,
          [&](ValueId value) { return workspace_offset(value, island.domain); },
          [&](ValueId value) { return is_placed(value); }};
      island.graph = std::make_unique<partition::AbiGraph>(graph, part, plan.slots_);
      plan.islands_.push_back(std::move(island));
    }
    // Dims of graph inputs and outputs, which the runtime looks at, need slots even if no island
    // does.
    for (const ValueId input : graph.inputs) slot_dims(input);
    for (const ir::Output& output : graph.outputs) slot_dims(output.value);
    for (uint32_t i = 0; i < parts.size(); ++i) {
      IslandPlan& island = plan.islands_[i];
      island.graph->refresh_slots(plan.slots_);
      if (!parts[i].fixed_shapes) continue;
      island.fixed_slots = partition::fixed_slots(island.graph->get(), plan.slots_, graph.bounds);
    }
  }
};

Result<std::unique_ptr<Plan>> Plan::make(const Graph& graph, std::vector<partition::Island> islands,
                                         const std::vector<uint32_t>& domains, MemoryPlan memory) {
  auto plan = std::make_unique<Plan>();
  plan->graph_ = &graph;
  Builder builder{*plan, graph, std::move(islands), domains, memory};
  builder.find_readers();
  TRY(builder.find_homes());
  builder.make_tasks();
  TRY(builder.find_lifetimes());
  builder.place();
  builder.make_islands();
  return plan;
}

const Location& Plan::location(ValueId value, uint32_t domain) const {
  const auto found = locations_.find({value, domain});
  WEFT_CHECK(found != locations_.end());
  return found->second;
}

uint32_t Plan::home(ValueId value) const {
  const auto found = homes_.find(value);
  return found == homes_.end() ? 0 : found->second;
}

RunDim Plan::run_dim(const ir::Dim& dim) const {
  if (dim.is_constant()) return {dim.constant(), WEFT_NONE};
  const auto slot = slots_.find(dim);
  WEFT_CHECK(slot);  // every dim of a live value has had one since make()
  return {0, *slot};
}

RunDim Plan::run_dim(const ir::Dim& dim, const IslandPlan& island) const {
  const RunDim any = run_dim(dim);
  if (any.slot == WEFT_NONE || island.fixed_slots.empty()) return any;
  return {island.fixed_slots[any.slot], WEFT_NONE};
}

}  // namespace weft::plan
