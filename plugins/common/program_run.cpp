// Executing: shapes from slots, pointers from views, then the walk over the steps.
#include <algorithm>
#include <cstring>

#include "plugins/common/clock.h"
#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;
using plugin::text;

// The value's shape and contents, as kernels see them.
void TableProgram::take_shape(size_t v, const int64_t* slots) {
  const Island::Value& value = island_.values[v];
  Operand& operand = operands_[v];
  int64_t step = 1;
  for (uint32_t d = operand.rank; d-- > 0;) {
    operand.shape[d] = value.shape[d];
    operand.stride[d] = step;
    step *= value.shape[d];
  }
  operand.count = value.count;
  for (size_t i = 0; i < value.contents.size(); i++) {
    const int64_t x = eval(value.contents[i], slots);
    if (value.dtype == WEFT_I64) {
      contents_[v][i] = x;
    } else {
      reinterpret_cast<int32_t*>(contents_[v].get())[i] = int32_t(x);
    }
  }
}

void TableProgram::refresh(const int64_t* slots) {
  if (!island_.refresh(slots)) return;
  for (size_t v = 0; v < operands_.size(); v++)
    if (island_.values[v].dynamic) take_shape(v, slots);
  const uint32_t most = std::max(1u, context_.host.thread_count);
  for (Node& node : nodes_) {
    node.threads = node.row->threads ? std::clamp(node.row->threads(node.step, most), 1u, most) : 1;
    node.phases = node.row->phases ? node.row->phases(node.step) : 1;
  }
}

void TableProgram::bind(const weft_view& view, uint32_t v, std::vector<char>& staging,
                        bool is_output) {
  Operand& operand = operands_[v];
  island_.check_bound(view, v);
  operand.data = view_data(view);
  if (is_tight(view)) return;
  const Island::Value& value = island_.values[v];
  if (value.state)
    throw Failure(WEFT_E_UNSUPPORTED, value.name + " is written in place and its view has gaps");
  staging.resize(value.bytes);
  if (!is_output)
    copy_elements(operand.data, view.stride, staging.data(), operand.stride, operand.shape,
                  operand.rank, element_size(operand.dtype));
  operand.data = staging.data();
}

void TableProgram::resolve(const weft_execute_args& args) {
  check_counts(args, island_.inputs.size(), island_.outputs.size());
  char* workspace = nullptr;
  uint64_t size = 0;
  if (args.workspace) {
    const auto& buffer = static_cast<const HostBuffer&>(*plugin::object(args.workspace));
    workspace = buffer.data();
    size = buffer.size();
  }
  check_workspace(args, size, island_.workspace_bytes(), scratch_bytes_);
  const std::vector<Island::Value>& values = island_.values;
  for (size_t v = 0; v < values.size(); v++)
    if (values[v].where == Where::workspace)
      operands_[v].data = workspace + args.workspace_offset + values[v].offset;
  for (uint32_t i = 0; i < island_.inputs.size(); i++)
    if (island_.is_input(i))
      bind(*WEFT_AT(weft_view, args.inputs, args.view_stride, i), island_.inputs[i],
           staged_inputs_[i], false);
  for (uint32_t i = 0; i < island_.outputs.size(); i++)
    if (island_.is_output(i))
      bind(*WEFT_AT(weft_view, args.outputs, args.view_stride, i), island_.outputs[i],
           staged_outputs_[i], true);
  for (const uint32_t v : island_.views)
    operands_[v].data = operands_[values[v].index].data + values[v].offset;
  char* scratch = workspace + args.scratch_offset;
  for (Node& node : nodes_) node.step.scratch = scratch;
}

struct TableProgram::Walk {
  TableProgram* program;
  uint32_t size = 1;
  const weft_prof_sink* profile;
  uint64_t begin = 0;
  uint64_t slept = 0;  // by thread 0
  Barrier barrier;
  // One thread's way through the run.
  struct Member {
    Walk& run;
    uint32_t id, size;
    uint32_t barriers = 0;
    uint64_t slept = 0;
    // Whether the thread goes on.
    bool meet();
  };
};

bool TableProgram::Walk::Member::meet() {
  if (size < 2) return true;
  barriers++;
  // The last thread leaves after this barrier: all read it there, and nobody writes it again.
  std::atomic<uint32_t>& leaves = run.program->leaves_[size - 1];
  if (id == 0 && slept && run.program->team_size_.between(size, slept, now_ns()) < size)
    leaves.store(barriers, std::memory_order_relaxed);
  slept += run.barrier.wait(size);
  if (id == 0) run.slept = slept;
  if (leaves.load(std::memory_order_relaxed) == barriers) size--;
  return id < size;
}

void WEFT_CALL TableProgram::walk_entry(void* run, uint32_t id) {
  Walk& walk = *static_cast<Walk*>(run);
  walk.program->walk(walk, id);
}

void TableProgram::walk(Walk& run, uint32_t id) {
  Walk::Member me{run, id, run.size};
  const bool profiled = id == 0 && run.profile && run.profile->level >= 2;
  const std::atomic_ref<int32_t> failed(fault_.status);
  for (size_t n = 0; n < nodes_.size(); n++) {
    const Node& node = nodes_[n];
    const uint64_t begin = profiled ? now_ns() : 0;
    for (uint32_t phase = 0; phase < node.phases; phase++) {
      if (phase > 0 && !me.meet()) return;
      const uint32_t threads = std::min(node.threads, me.size);
      // After a fault steps are passed over, but every thread still meets every barrier.
      if (id < threads && failed.load(std::memory_order_acquire) == 0)
        node.row->run(node.step, Team{id, threads, phase});
    }
    // Steps that only thread 0 runs follow each other without a barrier.
    const bool last = n + 1 == nodes_.size();
    if (!last && (node.threads > 1 || nodes_[n + 1].threads > 1) && !me.meet()) return;
    if (profiled) {
      const weft_prof_record record = {node.name.c_str(), uint32_t(n), 1, begin, now_ns()};
      run.profile->record(run.profile->ctx, &record);
    }
  }
}

// Outputs that were not written in place: staged ones, and values that are two outputs, a constant,
// or an input whose output view is elsewhere.
void TableProgram::copy_back(const weft_execute_args& args) {
  for (uint32_t i = 0; i < island_.outputs.size(); i++) {
    const Operand& operand = operands_[island_.outputs[i]];
    const weft_view& view = *WEFT_AT(weft_view, args.outputs, args.view_stride, i);
    char* to = view_data(view);
    if (to == operand.data || !operand.data) continue;
    island_.check_bound(view, island_.outputs[i]);
    copy_elements(operand.data, operand.stride, to, view.stride, operand.shape, operand.rank,
                  element_size(operand.dtype));
  }
}

void TableProgram::run(const weft_execute_args& args) {
  const std::lock_guard lock(mutex_);
  refresh(args.slots);
  resolve(args);
  fault_.status = 0;
  Walk run{this, 1, args.profile, 0, 0, {}};
  uint32_t want = 1;
  for (const Node& node : nodes_) want = std::max(want, node.threads);
  for (std::atomic<uint32_t>& leaves : leaves_) leaves.store(0, std::memory_order_relaxed);
  run.begin = now_ns();
  run_team(context_.host, team_size_.begin(want, run.begin), run.size, walk_entry, &run);
  team_size_.end(run.slept, now_ns());
  if (args.profile && args.profile->level == 1) {
    const weft_prof_record record = {"program", WEFT_NONE, 1, run.begin, now_ns()};
    args.profile->record(args.profile->ctx, &record);
  }
  if (fault_.status) {
    const auto faulty = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) {
      return node.step.node == fault_.node;
    });
    throw Failure(fault_.status, text("node %s: %s", faulty->name.c_str(), fault_.message),
                  fault_.node);
  }
  copy_back(args);
}

}  // namespace weft::common
