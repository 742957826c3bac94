// The plan: everything decided before a run. Islands with their places in memory, the task list,
// and the slot table. A plan holds no memory and no plugin objects; a Session runs it.
//
//   domain   devices that can read each other's memory: all that import host pointers share domain
//   0 arena    one per domain; every activation has its offset there (plan/memory.h) task     run
//   an island, or copy a value into another domain; needs lists the tasks it waits for
//
// `weft explain` and the runtime read the same plan: there is no second opinion.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/ir/graph.h"
#include "core/partition/abi_graph.h"
#include "core/partition/schedule.h"
#include "core/plan/memory.h"
#include "core/sym/slots.h"

namespace weft::plan {

// Where a value is at run time.
struct Location {
  uint32_t domain = 0;
  ir::ValueId state = ir::ValueId::none;  // inside this state, or in the domain's arena when none
  uint32_t offset_slot = WEFT_NONE;       // byte offset: a slot, or
  int64_t offset_bytes = 0;               // a constant
};

struct IslandPlan {
  uint32_t device = 0;
  uint32_t domain = 0;
  std::vector<ir::NodeId> nodes;
  std::vector<uint32_t> units;  // of each node, indices of the assignment's units
  std::unique_ptr<partition::AbiGraph> graph;
  // One value per slot, -1 where the island does not use it, when it runs at fixed shapes
  // (partition/fixed_shapes.h); else empty.
  std::vector<int64_t> fixed_slots;
};

struct Task {
  enum class Kind : uint8_t { run, copy };
  Kind kind = Kind::run;
  uint32_t island = 0;                      // run
  ir::ValueId value = ir::ValueId::none;    // copy
  uint32_t from_domain = 0, to_domain = 0;  // copy
  std::vector<uint32_t> needs;              // tasks whose results this one reads
  int64_t first_step = 0, last_step = 0;    // on the clock of lifetimes: a step per unit or copy
};

// How long a value holds which bytes of a domain's arena. Step 0 is before the first task; the last
// step of all is after the last task.
struct Stay {
  ir::ValueId value = ir::ValueId::none;
  uint32_t domain = 0;
  Block block;              // at the upper bounds of all symbols
  ir::Dim size_bytes = {};  // of the value itself, at any binding
  ir::Dim offset = -1;      // a constant in a max plan
};

// How the places in an arena are found: once, for the longest run (memory.h), or as expressions
// that follow the lengths of each run (elastic.h).
enum class MemoryPlan : uint8_t { max, elastic };

// A value the graph places inside a state, but whose producer's device shares no memory with the
// state: it is an ordinary activation of this plan, and TensorScatter copies it into the state.
struct CopiedUpdate {
  ir::ValueId value = ir::ValueId::none;
  ir::ValueId state = ir::ValueId::none;
  uint32_t device = 0;  // of the producer
};

// A Dim as the runtime evaluates it.
struct RunDim {
  int64_t value = 0;
  uint32_t slot = WEFT_NONE;
};

class Plan {
 public:
  // `domains[d]` is the domain of device d. A domain in which an island has fixed shapes gets a max
  // plan whatever `memory` says.
  static Result<std::unique_ptr<Plan>> make(const ir::Graph& graph,
                                            std::vector<partition::Island> islands,
                                            const std::vector<uint32_t>& domains,
                                            MemoryPlan memory = MemoryPlan::max);

  // Where `value` is for readers in `domain`.
  const Location& location(ir::ValueId value, uint32_t domain) const;
  const ir::Graph& graph() const { return *graph_; }
  const std::vector<IslandPlan>& islands() const { return islands_; }
  const std::vector<Task>& tasks() const { return tasks_; }
  const sym::SlotTable& slots() const { return slots_; }
  // Bytes of each domain's arena at the upper bounds, without the programs' scratch.
  const std::vector<int64_t>& arena_bytes() const { return arena_bytes_; }
  // The same for any binding: a constant where the domain has a max plan.
  const std::vector<ir::Dim>& arena_dims() const { return arena_dims_; }
  MemoryPlan memory_plan(uint32_t domain) const { return memory_plans_[domain]; }
  // The domain in which graph inputs are written, graph outputs read and states kept.
  uint32_t home(ir::ValueId value) const;
  RunDim run_dim(const ir::Dim& dim) const;
  // The same as `island` sees it: a number where its shapes are fixed.
  RunDim run_dim(const ir::Dim& dim, const IslandPlan& island) const;
  const std::vector<CopiedUpdate>& copied_updates() const { return copied_updates_; }
  // Every value that has bytes in an arena.
  const std::vector<Stay>& stays() const { return stays_; }

 private:
  struct Builder;
  const ir::Graph* graph_ = nullptr;
  std::vector<IslandPlan> islands_;
  std::vector<Task> tasks_;
  sym::SlotTable slots_;
  std::vector<int64_t> arena_bytes_;
  std::vector<ir::Dim> arena_dims_;
  std::vector<MemoryPlan> memory_plans_;  // by domain
  std::map<std::pair<ir::ValueId, uint32_t>, Location> locations_;
  std::map<ir::ValueId, uint32_t> homes_;
  std::vector<CopiedUpdate> copied_updates_;
  std::vector<Stay> stays_;
};

}  // namespace weft::plan
