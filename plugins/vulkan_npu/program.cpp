// Compiling an island, and checking what a run brings; see program.h.
#include "plugins/vulkan_npu/program.h"

#include <algorithm>
#include <map>

#include "plugins/common/clock.h"
#include "plugins/common/host_memory.h"
#include "plugins/common/island.h"

namespace weft::vulkan_npu {

using common::dtype_name;
using common::now_ns;
using plugin::Failure;
using plugin::GraphView;
using plugin::NodeView;
using plugin::text;

namespace {

int64_t fixed(const GraphView& graph, const weft_dim& dim, const int64_t* slots) {
  if (dim.slot == WEFT_NONE) return dim.value;
  if (dim.slot >= graph->slot_count)
    throw Failure(WEFT_E_INVALID, "a dim names a slot that is not there");
  if (!slots || slots[dim.slot] < 0) {
    const char* name = graph.slot(dim.slot).expr;
    throw Failure(
        WEFT_E_UNSUPPORTED,
        text("a dim is '%s' without a value; the NPU needs static shapes", name ? name : "?"));
  }
  return slots[dim.slot];
}

std::vector<int64_t> fixed_shape(const GraphView& graph, uint32_t value, const int64_t* slots) {
  const weft_value& v = graph.value(value);
  if (v.rank > WEFT_MAX_RANK) throw Failure(WEFT_E_UNSUPPORTED, "a value of rank above 8");
  std::vector<int64_t> shape;
  for (uint32_t d = 0; d < v.rank; d++) shape.push_back(fixed(graph, v.dims[d], slots));
  return shape;
}

uint64_t rows_of(const std::vector<int64_t>& shape) {
  uint64_t rows = 1;
  for (size_t d = 0; d + 1 < shape.size(); d++) rows *= uint64_t(std::max<int64_t>(shape[d], 0));
  return rows;
}

}  // namespace

NpuProgram::NpuProgram(const Context& context, const weft_compile_args& args) : context_(context) {
  const uint64_t begin = now_ns();
  const weft_graph mine = common::graph_of(args);
  const GraphView graph(mine);
  read_interface(graph, args.slots);
  read_steps(graph, args);
  uint64_t bytes = 0;
  for (const Step& step : steps_) bytes += step.weights ? step.weights->size : 0;
  context_.core.log(WEFT_LOG_DEBUG,
                    text("%zu steps with %llu bytes of weights compiled in %llu ms", steps_.size(),
                         static_cast<unsigned long long>(bytes),
                         static_cast<unsigned long long>((now_ns() - begin) / 1000000)));
}

void NpuProgram::read_interface(const GraphView& graph, const int64_t* slots) {
  for (uint32_t i = 0; i < graph->input_count; i++) {
    const uint32_t v = graph->inputs[i];
    input_values_.push_back(v);
    inputs_.push_back({graph.value(v).dtype, fixed_shape(graph, v, slots)});
  }
  for (uint32_t i = 0; i < graph->output_count; i++) {
    const uint32_t v = graph->outputs[i];
    const bool twice =
        std::find(output_values_.begin(), output_values_.end(), v) != output_values_.end();
    if (twice || std::find(input_values_.begin(), input_values_.end(), v) != input_values_.end())
      throw Failure(WEFT_E_UNSUPPORTED, "an output that is an input, or an output twice");
    output_values_.push_back(v);
    outputs_.push_back({graph.value(v).dtype, fixed_shape(graph, v, slots)});
  }
  for (uint32_t s = 0; slots && s < graph->slot_count; s++)
    if (slots[s] >= 0) pins_.emplace_back(s, slots[s]);
}

NpuProgram::Place NpuProgram::place_of(const GraphView& graph, uint32_t value) const {
  const auto in = std::find(input_values_.begin(), input_values_.end(), value);
  if (in != input_values_.end()) return {size_t(in - input_values_.begin()), 0};
  const auto out = std::find(output_values_.begin(), output_values_.end(), value);
  if (out != output_values_.end())
    return {inputs_.size() + size_t(out - output_values_.begin()), 0};
  const weft_value& v = graph.value(value);
  if (v.offset.slot != WEFT_NONE || v.offset.value < 0)
    throw Failure(WEFT_E_INVALID, text("'%s' has no place", v.name ? v.name : ""));
  return {inputs_.size() + outputs_.size(), uint64_t(v.offset.value)};
}

void NpuProgram::read_steps(const GraphView& graph, const weft_compile_args& args) {
  Core& core = context_.core;
  std::optional<WeightBlob> blob;
  if (args.blob) blob.emplace(core.physical, args.blob, args.blob_size);
  // Nodes of one claim are one step, at the place of the last of them.
  std::map<uint32_t, std::vector<uint32_t>> claims;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    if (graph.node(n)->unit != WEFT_NONE) claims[graph.node(n)->unit].push_back(n);
  }
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const uint32_t unit = graph.node(n)->unit;
    if (unit == WEFT_NONE) {
      add_step(graph, {n}, args.slots, blob ? &*blob : nullptr);
    } else if (claims[unit].back() == n) {
      add_step(graph, claims[unit], args.slots, blob ? &*blob : nullptr);
    }
  }
  if (kernel_ns_)
    core.log(WEFT_LOG_DEBUG, text("kernels made and warmed up in %llu ms",
                                  static_cast<unsigned long long>(kernel_ns_ / 1000000)));
}

namespace {

Kernel kernel_of(const Unit& unit) {
  switch (unit.kind) {
    case Unit::Kind::product:
      return unit.product.result == Product::Result::sums    ? Kernel::matmul_i32
             : unit.product.result == Product::Result::codes ? Kernel::matmul_i8
                                                             : Kernel::matmul_f32;
    case Unit::Kind::quantize:
      return Kernel::quantize;
    case Unit::Kind::dequantize:
      return Kernel::dequantize;
    case Unit::Kind::lookup:
      return Kernel::lookup;
    case Unit::Kind::multiply:
    case Unit::Kind::add:
      break;
  }
  return Kernel::binary;
}

}  // namespace

Shape NpuProgram::shape_of(const Step& step) {
  const Product& product = step.unit.product;
  return {kernel_of(step.unit), step.rows, uint64_t(product.k), uint64_t(product.n)};
}

void NpuProgram::use_workspace(const Place& place, uint64_t bytes) {
  if (place.address == inputs_.size() + outputs_.size())
    workspace_bytes_ = std::max(workspace_bytes_, place.offset + bytes);
}

void NpuProgram::add_step(const GraphView& graph, const std::vector<uint32_t>& nodes,
                          const int64_t* slots, WeightBlob* blob) {
  Step step;
  try {
    step.unit = read_unit(graph, nodes, context_.core.physical.limits, context_.core.cap_bytes);
  } catch (const common::Refusal& refusal) {
    throw Failure(WEFT_E_UNSUPPORTED, refusal.why, nodes[0]);
  }
  const Unit& unit = step.unit;
  step.x = place_of(graph, unit.x);
  step.y = place_of(graph, unit.y);
  if (unit.x2 != WEFT_NONE) step.x2 = place_of(graph, unit.x2);
  const std::vector<int64_t> shape = fixed_shape(graph, unit.x, slots);
  step.rows = rows_of(shape);
  step.count = step.rows * uint64_t(std::max<int64_t>(shape.back(), 0));
  use_workspace(step.x, step.count * (unit.kind == Unit::Kind::quantize ? 4 : 1));
  if (unit.kind == Unit::Kind::product) {
    step.words = (uint64_t(unit.product.k) + 7) / 8;
    use_workspace(step.y, step.rows * pitch(step));
    // Whether rows are packed depends on where a run has them, so there is room for it always.
    const uint64_t padded = (step.rows + kRows - 1) / kRows * kRows;
    scratch_bytes_ = std::max(scratch_bytes_, padded * step.words * 8);
    step.pack = context_.kernels.get(Kernel::pack_rows, kernel_ns_);
  } else {
    use_workspace(step.y, step.count * (unit.kind == Unit::Kind::dequantize ? 4 : 1));
    if (unit.x2 != WEFT_NONE) use_workspace(step.x2, step.count);
  }
  step.weights = context_.weights.get(context_.core, graph, unit, blob);
  const Kernel kernel = kernel_of(unit);
  if (unit.kind == Unit::Kind::product) {
    step.choice =
        context_.tuner.choose(context_.core, context_.kernels, shape_of(step), *step.weights, blob);
  }
  step.kernel = context_.kernels.get(kernel, kernel_ns_, step.choice.tile);
  std::string label;
  for (const uint32_t n : nodes) {
    const NodeView node = graph.node(n);
    const bool named = node->name && *node->name;
    label += (label.empty() ? "" : " + ") + std::string(named ? node->name : node->op_type);
  }
  labels_.push_back(std::move(label));
  steps_.push_back(std::move(step));
}

void NpuProgram::info(weft_program_info& out) {
  out.flags = WEFT_PROGRAM_DETERMINISTIC;
  out.scratch_bytes = scratch_bytes_;
  for (const Step& step : steps_) out.constant_bytes += step.weights ? step.weights->size : 0;
  std::snprintf(out.blob_key, sizeof out.blob_key, "%s", context_.core.physical.driver.c_str());
}

void NpuProgram::save(const weft_writer& writer) {
  std::vector<WeightsRef> weights;
  for (const Step& step : steps_)
    if (step.weights && std::find(weights.begin(), weights.end(), step.weights) == weights.end())
      weights.push_back(step.weights);
  Facts choices;
  for (const Step& step : steps_)
    if (step.unit.kind == Unit::Kind::product)
      choices[shape_of(step).key()] = {step.choice.tile, step.choice.by_rows};
  save_weights(context_.core.physical, weights, choices, writer);
}

NpuProgram::Addresses NpuProgram::bind(const weft_execute_args& args) const {
  common::check_counts(args, inputs_.size(), outputs_.size());
  for (const auto& [slot, value] : pins_)
    if (args.slots && args.slots[slot] != value)
      throw Failure(
          WEFT_E_INVALID,
          text("the program is compiled for %lld in slot %u, the run has %lld",
               static_cast<long long>(value), slot, static_cast<long long>(args.slots[slot])));
  Addresses out;
  const auto add = [&](const Interface& wanted, const weft_view& view) {
    const std::vector<int64_t> shape(view.shape, view.shape + std::min(view.rank, WEFT_MAX_RANK));
    if (view.dtype != wanted.dtype || view.rank != wanted.shape.size() || shape != wanted.shape)
      throw Failure(WEFT_E_INVALID,
                    text("a view of %s differs in shape or type from the program's %s",
                         dtype_name(view.dtype), dtype_name(wanted.dtype)));
    if (!view.buffer) throw Failure(WEFT_E_INVALID, "a view names no buffer");
    const NpuBuffer& buffer = buffer_of(view.buffer);
    common::check_view(view, buffer.size());
    if (!common::is_tight(view))
      throw Failure(WEFT_E_UNSUPPORTED, "a view has gaps; the NPU's tensors are tight");
    out.push_back({&buffer.block(), view.byte_offset});
  };
  for (size_t i = 0; i < inputs_.size(); i++)
    add(inputs_[i], *WEFT_AT(weft_view, args.inputs, args.view_stride, i));
  for (size_t i = 0; i < outputs_.size(); i++)
    add(outputs_[i], *WEFT_AT(weft_view, args.outputs, args.view_stride, i));
  const NpuBuffer* room = args.workspace ? &buffer_of(args.workspace) : nullptr;
  common::check_workspace(args, room ? room->size() : 0, workspace_bytes_, scratch_bytes_);
  const Block* block = room ? &room->block() : nullptr;
  out.push_back({block, args.workspace_offset});
  out.push_back({block, args.scratch_offset});
  return out;
}

}  // namespace weft::vulkan_npu
