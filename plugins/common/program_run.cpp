// Executing: shapes from slots, pointers from views, then the walk over the steps.
#include <algorithm>
#include <cstring>
#include <ctime>

#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;
using plugin::text;

namespace {

uint64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec);
}

uint64_t bytes_of(const Operand& operand) {
  return uint64_t(operand.count) * element_size(operand.dtype);
}

}  // namespace

int64_t TableProgram::eval(const weft_dim& dim, const int64_t* slots) const {
  return dim.slot == WEFT_NONE ? dim.value : slots[dim.slot];
}

void TableProgram::set_shape(size_t v, const int64_t* slots) {
  Operand& operand = operands_[v];
  const Place& place = places_[v];
  int64_t count = 1;
  for (uint32_t d = operand.rank; d-- > 0;) {
    const int64_t dim = eval(place.dims[d], slots);
    operand.shape[d] = dim;
    operand.stride[d] = count;
    if (dim < 0 || __builtin_mul_overflow(count, dim, &count))
      throw Failure(WEFT_E_INVALID, text("dim %u of %s is %lld", d, value_names_[v].c_str(),
                                         static_cast<long long>(dim)));
  }
  operand.count = count;
  for (size_t i = 0; i < place.contents.size(); i++) {
    const int64_t x = eval(place.contents[i], slots);
    if (operand.dtype == WEFT_I64) {
      place.integers[i] = x;
    } else {
      reinterpret_cast<int32_t*>(place.integers.get())[i] = int32_t(x);
    }
  }
  if (place.where == Where::contents && uint64_t(count) > place.contents.size())
    throw Failure(WEFT_E_INVALID, "fewer contents than elements: " + value_names_[v]);
}

void TableProgram::set_shapes(const int64_t* slots, bool all) {
  for (size_t v = 0; v < operands_.size(); v++)
    if (all || places_[v].dynamic) set_shape(v, slots);
}

void TableProgram::refresh(const int64_t* slots) {
  if (shapes_known_ &&
      (slots_.empty() || std::equal(last_slots_.begin(), last_slots_.end(), slots)))
    return;
  if (!slots_.empty() && !slots) throw Failure(WEFT_E_INVALID, "execute without slot values");
  const bool first = !shapes_known_;
  shapes_known_ = false;
  set_shapes(slots, first);
  workspace_bytes_ = 0;
  for (size_t v = 0; v < operands_.size(); v++) {
    const Place& place = places_[v];
    if (place.where != Where::workspace && place.where != Where::view) continue;
    const int64_t offset = eval(place.offset, slots);
    const uint64_t end = uint64_t(offset) + bytes_of(operands_[v]);
    if (offset < 0) throw Failure(WEFT_E_INVALID, "negative offset of " + value_names_[v]);
    if (place.where == Where::workspace) {
      workspace_bytes_ = std::max(workspace_bytes_, end);
    } else if (end > bytes_of(operands_[place.index])) {
      throw Failure(WEFT_E_INVALID, "a view reaches outside its parent: " + value_names_[v]);
    }
  }
  const uint32_t most = std::max(1u, context_.host.thread_count);
  for (Node& node : nodes_)
    node.threads = node.row->threads ? std::clamp(node.row->threads(node.step, most), 1u, most) : 1;
  std::copy_n(slots, slots_.size(), last_slots_.begin());
  shapes_known_ = true;
}

void TableProgram::bind(const weft_view& view, uint32_t v, std::vector<char>& staging,
                        bool is_output) {
  Operand& operand = operands_[v];
  const char* name = value_names_[v].c_str();
  if (view.dtype != operand.dtype || view.rank != operand.rank)
    throw Failure(WEFT_E_INVALID,
                  text("%s is %s of rank %u, the view is %s of rank %u", name,
                       dtype_name(operand.dtype), operand.rank, dtype_name(view.dtype), view.rank));
  for (uint32_t d = 0; d < operand.rank; d++)
    if (view.shape[d] != operand.shape[d])
      throw Failure(WEFT_E_INVALID, text("dim %u of %s is %lld, of the view %lld", d, name,
                                         static_cast<long long>(operand.shape[d]),
                                         static_cast<long long>(view.shape[d])));
  operand.data = view_data(view);
  if (is_tight(view)) return;
  if (places_[v].state)
    throw Failure(WEFT_E_UNSUPPORTED, text("%s is written in place and its view has gaps", name));
  staging.resize(bytes_of(operand));
  if (!is_output)
    copy_elements(operand.data, view.stride, staging.data(), operand.stride, operand.shape,
                  operand.rank, element_size(operand.dtype));
  operand.data = staging.data();
}

void TableProgram::resolve(const weft_execute_args& args) {
  if (args.input_count != inputs_.size() || args.output_count != outputs_.size())
    throw Failure(WEFT_E_INVALID,
                  text("the program has %zu inputs and %zu outputs, execute gives %u and %u",
                       inputs_.size(), outputs_.size(), args.input_count, args.output_count));
  char* workspace = nullptr;
  uint64_t size = 0;
  if (args.workspace) {
    const auto& buffer = static_cast<const HostBuffer&>(*plugin::object(args.workspace));
    workspace = buffer.data();
    size = buffer.size();
  }
  const auto inside = [&](uint64_t offset, uint64_t bytes) {
    return bytes == 0 || (offset <= size && bytes <= size - offset);
  };
  if (!inside(args.workspace_offset, workspace_bytes_) ||
      !inside(args.scratch_offset, scratch_bytes_))
    throw Failure(WEFT_E_INVALID,
                  text("the workspace is too small: values take %llu bytes, scratch %llu",
                       static_cast<unsigned long long>(workspace_bytes_),
                       static_cast<unsigned long long>(scratch_bytes_)));
  for (size_t v = 0; v < operands_.size(); v++)
    if (places_[v].where == Where::workspace)
      operands_[v].data =
          workspace + args.workspace_offset + eval(places_[v].offset, last_slots_.data());
  for (uint32_t i = 0; i < inputs_.size(); i++)
    if (places_[inputs_[i]].where == Where::input)
      bind(*WEFT_AT(weft_view, args.inputs, args.view_stride, i), inputs_[i], staged_inputs_[i],
           false);
  for (uint32_t i = 0; i < outputs_.size(); i++)
    if (places_[outputs_[i]].where == Where::output && places_[outputs_[i]].index == i)
      bind(*WEFT_AT(weft_view, args.outputs, args.view_stride, i), outputs_[i], staged_outputs_[i],
           true);
  for (uint32_t v : view_order_)
    operands_[v].data =
        operands_[places_[v].index].data + eval(places_[v].offset, last_slots_.data());
  char* scratch = workspace + args.scratch_offset;
  for (Node& node : nodes_) node.step.scratch = scratch;
}

struct TableProgram::Walk {
  TableProgram* program;
  uint32_t size = 1;
  const weft_prof_sink* profile;
  Barrier barrier;
};

void WEFT_CALL TableProgram::walk_entry(void* run, uint32_t id) {
  Walk& walk = *static_cast<Walk*>(run);
  walk.program->walk(walk, id);
}

void TableProgram::walk(Walk& run, uint32_t id) {
  const uint32_t size = run.size;
  const bool profiled = id == 0 && run.profile && run.profile->level >= 2;
  const std::atomic_ref<int32_t> failed(fault_.status);
  for (size_t n = 0; n < nodes_.size(); n++) {
    const Node& node = nodes_[n];
    const uint32_t threads = std::min(node.threads, size);
    const uint64_t begin = profiled ? now_ns() : 0;
    // After a fault steps are passed over, but every thread still meets every barrier.
    if (id < threads && failed.load(std::memory_order_acquire) == 0)
      node.row->run(node.step, Team{id, threads});
    // Steps that only thread 0 runs follow each other without a barrier.
    const bool last = n + 1 == nodes_.size();
    if (size > 1 && !last && (threads > 1 || nodes_[n + 1].threads > 1)) run.barrier.wait(size);
    if (profiled) {
      const weft_prof_record record = {node.name.c_str(), uint32_t(n), 1, begin, now_ns()};
      run.profile->record(run.profile->ctx, &record);
    }
  }
}

// Outputs that were not written in place: staged ones, and values that are two outputs, a constant,
// or an input whose output view is elsewhere.
void TableProgram::copy_back(const weft_execute_args& args) {
  for (uint32_t i = 0; i < outputs_.size(); i++) {
    const Operand& operand = operands_[outputs_[i]];
    const weft_view& view = *WEFT_AT(weft_view, args.outputs, args.view_stride, i);
    char* to = view_data(view);
    if (to == operand.data || !operand.data) continue;
    for (uint32_t d = 0; d < operand.rank; d++)
      if (view.rank != operand.rank || view.shape[d] != operand.shape[d])
        throw Failure(WEFT_E_INVALID,
                      "the view of output " + value_names_[outputs_[i]] + " has another shape");
    copy_elements(operand.data, operand.stride, to, view.stride, operand.shape, operand.rank,
                  element_size(operand.dtype));
  }
}

void TableProgram::run(const weft_execute_args& args) {
  const std::lock_guard lock(mutex_);
  refresh(args.slots);
  resolve(args);
  fault_.status = 0;
  Walk run{this, 1, args.profile, {}};
  uint32_t want = 1;
  for (const Node& node : nodes_) want = std::max(want, node.threads);
  const uint64_t begin = args.profile ? now_ns() : 0;
  run_team(context_.host, want, run.size, walk_entry, &run);
  if (args.profile && args.profile->level == 1) {
    const weft_prof_record record = {"program", WEFT_NONE, 1, begin, now_ns()};
    args.profile->record(args.profile->ctx, &record);
  }
  if (fault_.status)
    throw Failure(fault_.status,
                  text("node %s: %s", nodes_[fault_.node].name.c_str(), fault_.message),
                  fault_.node);
  copy_back(args);
}

}  // namespace weft::common
