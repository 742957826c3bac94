// Running: shapes from slots, places from views, then every node's commands.
#include "plugins/opencl/program.h"

#include <algorithm>

#include "plugins/opencl/view_copy.h"

namespace weft::opencl {

int64_t IslandProgram::eval(const weft_dim& dim) const {
  return dim.slot == WEFT_NONE ? dim.value : slots_[dim.slot];
}

uint64_t IslandProgram::bytes_of(size_t v) const {
  return uint64_t(tensors_[v].count) * common::element_size(tensors_[v].dtype);
}

void IslandProgram::set_shape(size_t v) {
  Tensor& tensor = tensors_[v];
  tensor.count = 1;
  for (uint32_t d = tensor.rank; d-- > 0;) {
    tensor.shape[d] = eval(places_[v].dims[d]);
    if (tensor.shape[d] < 0 || __builtin_mul_overflow(tensor.count, tensor.shape[d], &tensor.count))
      throw Failure(WEFT_E_INVALID, text("dim %u of %s is %lld", d, places_[v].name.c_str(),
                                         static_cast<long long>(tensor.shape[d])));
  }
}

void IslandProgram::refresh(const int64_t* slots) {
  if (shapes_known_ && (slots_.empty() || std::equal(slots_.begin(), slots_.end(), slots))) return;
  if (!slots_.empty() && !slots) throw Failure(WEFT_E_INVALID, "execute without slot values");
  const bool first = !shapes_known_;
  shapes_known_ = false;
  std::copy_n(slots, slots_.size(), slots_.begin());
  for (size_t v = 0; v < tensors_.size(); v++)
    if (first || places_[v].dynamic) set_shape(v);
  workspace_bytes_ = 0;
  for (size_t v = 0; v < tensors_.size(); v++) {
    const Place& place = places_[v];
    if (place.where != Where::workspace && place.where != Where::view) continue;
    const int64_t offset = eval(place.offset);
    if (offset < 0 || offset % std::max(1u, common::element_size(tensors_[v].dtype)))
      throw Failure(WEFT_E_INVALID, "the offset of " + place.name + " is not one of its elements");
    const uint64_t end = uint64_t(offset) + bytes_of(v);
    if (place.where == Where::workspace) {
      workspace_bytes_ = std::max(workspace_bytes_, end);
    } else if (end > bytes_of(place.index)) {
      throw Failure(WEFT_E_INVALID, "a view reaches outside its parent: " + place.name);
    }
  }
  shapes_known_ = true;
}

void IslandProgram::bind(const weft_view& view, uint32_t v, ClMemory& staging, bool is_output,
                         Submission& commands) {
  Tensor& tensor = tensors_[v];
  const char* name = places_[v].name.c_str();
  if (view.dtype != tensor.dtype || view.rank != tensor.rank)
    throw Failure(WEFT_E_INVALID, text("%s is %s of rank %u, the view is %s of rank %u", name,
                                       common::dtype_name(tensor.dtype), tensor.rank,
                                       common::dtype_name(view.dtype), view.rank));
  for (uint32_t d = 0; d < tensor.rank; d++)
    if (view.shape[d] != tensor.shape[d])
      throw Failure(WEFT_E_INVALID, text("dim %u of %s is %lld, of the view %lld", d, name,
                                         static_cast<long long>(tensor.shape[d]),
                                         static_cast<long long>(view.shape[d])));
  const Strided at = strided(view);
  tensor.memory = at.memory;
  tensor.offset = at.offset;
  if (at.is_tight()) return;
  if (places_[v].state)
    throw Failure(WEFT_E_UNSUPPORTED, text("%s is written in place and its view has gaps", name));
  staging = context_.allocate(bytes_of(v));
  tensor.memory = staging.get();
  tensor.offset = 0;
  if (!is_output) copy_elements(context_, copy_, at, strided(tensor), commands);
}

void IslandProgram::resolve_workspace(const weft_execute_args& args) {
  const DeviceBuffer* buffer = nullptr;
  if (args.workspace) buffer = &static_cast<const DeviceBuffer&>(*plugin::object(args.workspace));
  const uint64_t size = buffer ? buffer->size() : 0;
  if (workspace_bytes_ > 0 &&
      (args.workspace_offset > size || workspace_bytes_ > size - args.workspace_offset))
    throw Failure(WEFT_E_INVALID, text("the workspace is too small: values take %llu bytes",
                                       static_cast<unsigned long long>(workspace_bytes_)));
  for (size_t v = 0; v < tensors_.size(); v++) {
    if (places_[v].where != Where::workspace) continue;
    tensors_[v].memory = buffer ? buffer->memory() : nullptr;
    tensors_[v].offset =
        (buffer ? buffer->base() : 0) + args.workspace_offset + uint64_t(eval(places_[v].offset));
  }
}

void IslandProgram::resolve(const weft_execute_args& args, Submission& commands) {
  if (args.input_count != inputs_.size() || args.output_count != outputs_.size())
    throw Failure(WEFT_E_INVALID,
                  text("the program has %zu inputs and %zu outputs, execute gives %u and %u",
                       inputs_.size(), outputs_.size(), args.input_count, args.output_count));
  resolve_workspace(args);
  for (uint32_t i = 0; i < inputs_.size(); i++)
    if (places_[inputs_[i]].where == Where::input && places_[inputs_[i]].index == i)
      bind(*WEFT_AT(weft_view, args.inputs, args.view_stride, i), inputs_[i], staged_inputs_[i],
           false, commands);
  for (uint32_t i = 0; i < outputs_.size(); i++)
    if (places_[outputs_[i]].where == Where::output && places_[outputs_[i]].index == i)
      bind(*WEFT_AT(weft_view, args.outputs, args.view_stride, i), outputs_[i], staged_outputs_[i],
           true, commands);
  for (const uint32_t v : view_order_) {
    const Tensor& parent = tensors_[places_[v].index];
    tensors_[v].memory = parent.memory;
    tensors_[v].offset = parent.offset + uint64_t(eval(places_[v].offset));
  }
}

// Outputs that were not written in place: staged ones, and values that are two outputs, a constant,
// or an input whose output view is elsewhere.
void IslandProgram::copy_back(const weft_execute_args& args, Submission& commands) {
  for (uint32_t i = 0; i < outputs_.size(); i++) {
    const Tensor& tensor = tensors_[outputs_[i]];
    const Strided to = strided(*WEFT_AT(weft_view, args.outputs, args.view_stride, i));
    if (!tensor.memory || (to.memory == tensor.memory && to.offset == tensor.offset)) continue;
    bool same = to.rank == tensor.rank && to.dtype == tensor.dtype;
    for (uint32_t d = 0; same && d < tensor.rank; d++) same = to.shape[d] == tensor.shape[d];
    if (!same)
      throw Failure(WEFT_E_INVALID,
                    "the view of output " + places_[outputs_[i]].name + " has another shape");
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
