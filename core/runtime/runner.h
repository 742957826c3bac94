// Runs the tasks of one plan on the memory of one session.
//
//   bind symbols -> evaluate slots -> refresh the views that changed -> tasks, in order
//
// Everything a run needs is laid out when the runner is made: a run fills numbers in and allocates
// nothing.
//
// Tasks are submitted in plan order, and a device may lag behind: the host waits for it only when a
// task touches the same memory from another device, or from the host. The domain decides, not the
// value, since places in a domain's memory are reused in plan order. An island that follows another
// of its device waits for it on the device, so that an error poisons all that comes after.
// Threads: those of the session.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/plan/plan.h"
#include "core/runtime/arena.h"
#include "core/runtime/memory.h"
#include "core/runtime/programs.h"
#include "core/sym/slots.h"

namespace weft::runtime {

// Memory of a session: arenas by domain, and the caches. Runs that are made at once have arenas of
// their own and share the caches.
struct SessionMemory {
  std::vector<Arena> arenas;
  std::shared_ptr<Region> states;
  std::map<ir::ValueId, int64_t> state_offset;  // bytes into `states`
};

class Runner {
 public:
  // All referenced objects outlive the runner.
  static Result<std::unique_ptr<Runner>> create(const plan::Plan& plan, const Programs& programs,
                                                std::span<const host::DevicePtr> devices,
                                                SessionMemory& memory,
                                                const host::Courtesy& courtesy = {});
  // Another runner of the same plan, on `memory` of its own: both may be in the middle of a run at
  // once. They share programs, queues, and the states that `memory` names.
  std::unique_ptr<Runner> sibling(SessionMemory& memory) const;

  // Symbols of the next run; one the plan does not use is ignored.
  void bind(std::string_view symbol, int64_t value);
  // Runs every task. `profile` may be nullptr.
  Status run(const weft_prof_sink* profile);

  // A run in pieces: start(), then submit() for every task in the order of the plan, then drain().
  // submit() does not wait for devices that work beside the host; ended() says whether the last
  // island of one has ended, or waits for it, and then gives its error if it had one.
  Status start();
  Status submit(size_t task, const weft_prof_sink* profile);
  Status flush(uint32_t device) const { return (*queues_)[device].flush(); }
  Result<bool> ended(uint32_t device, uint64_t timeout_ns);
  // Calls fn(arg, status) when the last island of `device` ends, from any thread.
  Status on_ended(uint32_t device, void(WEFT_CALL* fn)(void*, weft_status), void* arg) const;
  // Ends with no device at work; `ran` unless waiting shows the first error.
  Status drain(Status ran);

  // Runs one task of the plan to its end, on what its inputs' places hold: for checks, which look
  // at values between the tasks.
  Status run_one(size_t task);

  // Graph inputs and outputs in their home domain, at the present bindings.
  Status write_input(ir::ValueId input, std::span<const std::byte> bytes);
  // Host memory: the place itself. Else a copy in `scratch`, counted as copied.
  Result<std::span<const std::byte>> read_output(ir::ValueId value,
                                                 std::vector<std::byte>& scratch);
  // The same for any value that has a place in `domain`, states included. The place holds it from
  // the task that makes it to the last that reads it.
  Status write(ir::ValueId value, uint32_t domain, std::span<const std::byte> bytes);
  Result<std::span<const std::byte>> read(ir::ValueId value, uint32_t domain,
                                          std::vector<std::byte>& scratch);
  // Evaluates the slots and refreshes what depends on them, after the arenas of an elastic plan
  // have grown to what the run wants; run() does it too. What an arena held is lost when it grows.
  Status refresh();

 private:
  // A view whose shape or offset follows the slots.
  struct View {
    std::vector<plan::RunDim> dims;
    uint32_t offset_slot = WEFT_NONE;
    int64_t offset_base = 0;  // bytes, added to the slot
    bool in_state = false;    // else in the arena
  };
  struct IslandRun {
    std::vector<weft_view> views;  // inputs, then outputs
    std::vector<View> rules;
    const int64_t* slots = nullptr;  // its own, where shapes are fixed; nullptr: those of the run
    weft_execute_args args{};
    uint32_t device = 0;
  };

  // The buffers of an arena, as they were when the views were last set.
  struct ArenaUse {
    uint32_t size_slot = WEFT_NONE;  // in growth_; WEFT_NONE: a max plan's, which never grows
    uint64_t growths = 0;
  };

  using Queues = std::vector<host::Queue>;  // by device; empty where unused
  Runner(const plan::Plan& plan, const Programs& programs, SessionMemory& memory,
         std::shared_ptr<Queues> queues);
  void add_islands();
  Status grow_arenas();
  void take_buffers();
  void add_view(IslandRun& run, ir::ValueId value, const plan::IslandPlan& island);
  Region& region_of(const plan::Location& location) const;
  int64_t offset_of(const plan::Location& location) const;
  int64_t size_of(ir::ValueId value) const;
  int64_t value_of(const plan::RunDim& dim) const;
  Status run_tasks(const weft_prof_sink* profile);
  Status run_task(const plan::Task& task, const weft_prof_sink* profile);
  Status run_island(IslandRun& run, const weft_prof_sink* profile);
  Status copy(const plan::Task& task);
  // Waits for what devices still do in the domain; `except` may go on.
  Status wait_domain(uint32_t domain, uint32_t except = WEFT_NONE);

  const plan::Plan& plan_;
  const Programs& programs_;
  SessionMemory& memory_;
  sym::SlotProgram slots_;
  // Sizes of elastic arenas, at lengths rounded up so that they grow in steps.
  sym::SlotProgram growth_;
  std::vector<ArenaUse> arena_uses_;  // by domain
  std::shared_ptr<Queues> queues_;
  std::vector<host::Event> last_;   // by device: the last island's end, until it is waited for
  std::vector<uint32_t> domains_;   // by device
  std::vector<std::byte> between_;  // for copies between two devices' own memories
  std::vector<IslandRun> islands_;
  uint64_t run_id_ = 0;
};

}  // namespace weft::runtime
