// Running: shapes from slots, places from views, then every node's commands.
#include "plugins/opencl/program.h"

#include <algorithm>

#include "plugins/opencl/view_copy.h"

namespace weft::opencl {

void IslandProgram::refresh(const int64_t* slots) {
  if (!island_.refresh(slots)) return;
  for (size_t v = 0; v < tensors_.size(); v++) {
    const common::Island::Value& value = island_.values[v];
    std::copy_n(value.shape, value.rank, tensors_[v].shape);
    tensors_[v].count = value.count;
    if (value.where == Where::contents) refresh_contents(uint32_t(v), slots);
  }
}

// Kernels get new memory and not new bytes: those of a run that is still under way stay.
void IslandProgram::refresh_contents(uint32_t v, const int64_t* slots) {
  std::vector<int64_t>& known = known_[v];
  const std::vector<weft_dim>& contents = island_.values[v].contents;
  for (size_t i = 0; i < contents.size(); i++) known[i] = common::eval(contents[i], slots);
  const auto upload = uploads_.find(v);
  if (upload == uploads_.end()) return;
  std::vector<int32_t> narrow(known.begin(), known.end());
  const bool wide = tensors_[v].dtype == WEFT_I64;
  upload->second = context_.copy_of(wide ? static_cast<const void*>(known.data()) : narrow.data(),
                                    contents.size() * (wide ? 8 : 4));
  tensors_[v].memory = upload->second.get();
}

void IslandProgram::bind(const weft_view& view, uint32_t v, ClMemory& staging, bool is_output,
                         Submission& commands) {
  const common::Island::Value& value = island_.values[v];
  Tensor& tensor = tensors_[v];
  island_.check_bound(view, v);
  const Strided at = strided(view);
  tensor.memory = at.memory;
  tensor.offset = at.offset;
  if (at.is_tight()) return;
  if (value.state)
    throw Failure(WEFT_E_UNSUPPORTED, value.name + " is written in place and its view has gaps");
  staging = context_.allocate(value.bytes);
  tensor.memory = staging.get();
  tensor.offset = 0;
  if (!is_output) copy_elements(context_, copy_, at, strided(tensor), commands);
}

void IslandProgram::resolve(const weft_execute_args& args, Submission& commands) {
  common::check_counts(args, island_.inputs.size(), island_.outputs.size());
  const DeviceBuffer* buffer = nullptr;
  if (args.workspace) buffer = &static_cast<const DeviceBuffer&>(*plugin::object(args.workspace));
  common::check_workspace(args, buffer ? buffer->size() : 0, island_.workspace_bytes(),
                          scratch_bytes_);
  scratch_.memory = buffer ? buffer->memory() : nullptr;
  scratch_.offset = (buffer ? buffer->base() : 0) + args.scratch_offset;
  const std::vector<common::Island::Value>& values = island_.values;
  for (size_t v = 0; v < values.size(); v++) {
    if (values[v].where != Where::workspace) continue;
    tensors_[v].memory = buffer ? buffer->memory() : nullptr;
    tensors_[v].offset = (buffer ? buffer->base() : 0) + args.workspace_offset + values[v].offset;
  }
  for (uint32_t i = 0; i < island_.inputs.size(); i++)
    if (island_.is_input(i))
      bind(*WEFT_AT(weft_view, args.inputs, args.view_stride, i), island_.inputs[i],
           staged_inputs_[i], false, commands);
  for (uint32_t i = 0; i < island_.outputs.size(); i++)
    if (island_.is_output(i))
      bind(*WEFT_AT(weft_view, args.outputs, args.view_stride, i), island_.outputs[i],
           staged_outputs_[i], true, commands);
  for (const uint32_t v : island_.views) {
    const Tensor& parent = tensors_[values[v].index];
    tensors_[v].memory = parent.memory;
    tensors_[v].offset = parent.offset + values[v].offset;
  }
}

// Outputs that were not written in place: staged ones, and values that are two outputs, a constant,
// or an input whose output view is elsewhere.
void IslandProgram::copy_back(const weft_execute_args& args, Submission& commands) {
  for (uint32_t i = 0; i < island_.outputs.size(); i++) {
    const Tensor& tensor = tensors_[island_.outputs[i]];
    const weft_view& view = *WEFT_AT(weft_view, args.outputs, args.view_stride, i);
    const Strided to = strided(view);
    if (!tensor.memory || (to.memory == tensor.memory && to.offset == tensor.offset)) continue;
    island_.check_bound(view, island_.outputs[i]);
    copy_elements(context_, copy_, strided(tensor), to, commands);
  }
}

void IslandProgram::submit(const weft_execute_args& args, Submission& commands) {
  const std::lock_guard lock(mutex_);
  refresh(args.slots);
  resolve(args, commands);
  for (uint32_t n = 0; n < nodes_.size(); n++) {
    commands.at_node(n, nodes_[n].name.c_str());
    nodes_[n].run(commands);
  }
  commands.at_node(WEFT_NONE, "");
  copy_back(args, commands);
}

}  // namespace weft::opencl
