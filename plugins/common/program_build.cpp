// Compiling: from the borrowed graph to operands and prepared nodes.
#include <algorithm>
#include <cstring>
#include <map>

#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;
using plugin::GraphView;
using plugin::NodeView;
using plugin::text;

TableProgram::TableProgram(const Context& context, const weft_compile_args& args)
    : context_(context),
      island_(args),
      staged_inputs_(island_.inputs.size()),
      staged_outputs_(island_.outputs.size()),
      leaves_(std::max(1u, context.host.thread_count)) {
  const weft_graph mine = graph_of(args);
  const GraphView graph(mine);
  ConstantStore store(context.pool, args.blob, args.blob_size);
  make_operands();
  read_nodes(graph, store);
  constants_ = store.take();
  keeps_host_constants_ = store.borrowed();
  measure_scratch(graph);
}

void TableProgram::make_operands() {
  operands_.resize(island_.values.size());
  contents_.resize(island_.values.size());
  for (uint32_t v = 0; v < operands_.size(); v++) {
    const Island::Value& value = island_.values[v];
    Operand& operand = operands_[v];
    operand.dtype = value.dtype;
    operand.rank = value.rank;
    operand.value = v;
    operand.tight = 1;
    if (value.where != Where::contents) continue;
    if (value.dtype != WEFT_I64 && value.dtype != WEFT_I32)
      throw Failure(WEFT_E_UNSUPPORTED, text("contents of %s", dtype_name(value.dtype)));
    contents_[v] = std::make_unique<int64_t[]>(std::max<size_t>(1, value.contents.size()));
    operand.data = reinterpret_cast<char*>(contents_[v].get());
  }
}

namespace {

// The nodes of each step in order. A fusion the host did not take as one unit is none.
std::vector<Fusion> steps_of(const GraphView& graph, const BackendTraits& traits,
                             const DeviceSettings& settings) {
  std::vector<const Fusion*> fused(graph->node_count);
  std::vector<Fusion> fusions, steps;
  if (traits.fuse) fusions = traits.fuse(graph, settings);
  for (const Fusion& fusion : fusions) {
    const uint32_t unit = graph.node(fusion.nodes[0])->unit;
    const bool one = std::all_of(fusion.nodes.begin(), fusion.nodes.end(),
                                 [&](uint32_t n) { return graph.node(n)->unit == unit; });
    if (one && unit != WEFT_NONE)
      for (const uint32_t n : fusion.nodes) fused[n] = &fusion;
  }
  std::map<uint32_t, size_t> alone;  // nodes of a unit that no fusion runs
  for (uint32_t n = 0; n < graph->node_count; n++) {
    if (!fused[n]) {
      const uint32_t unit = graph.node(n)->unit;
      if (unit != WEFT_NONE && ++alone[unit] > 1)
        throw Failure(WEFT_E_INVALID, "nodes claimed as one are no longer together", n);
      steps.push_back({{n}, nullptr, nullptr});
    } else if (n == fused[n]->nodes.back()) {
      steps.push_back(*fused[n]);
    }
  }
  return steps;
}

}  // namespace

void TableProgram::read_nodes(const GraphView& graph, ConstantStore& store) {
  for (const Fusion& step : steps_of(graph, context_.traits, context_.settings))
    read_step(graph, store, step);
}

void TableProgram::read_step(const GraphView& graph, ConstantStore& store, const Fusion& fusion) {
  Node& step = nodes_.emplace_back();
  std::vector<NodeView> views;
  for (const uint32_t n : fusion.nodes) {
    const NodeView view = graph.node(n);
    views.push_back(view);
    read_operands(graph, store, n, step);
    if (!step.name.empty()) step.name += "+";
    step.name += view->name && *view->name ? view->name : view->op_type;
  }
  if (fusion.row) step.row = fusion.row;
  step.step = {
      step.in.data(), step.out.data(), uint32_t(step.in.size()), uint32_t(step.out.size()), nullptr,
      nullptr,        &fault_,         fusion.nodes[0]};
  if (!step.row->prepare) return;
  Prepare prepare{views[0], views, store, context_.settings.state.get(), fusion.plan.get()};
  step.state = step.row->prepare(prepare);
  step.step.state = step.state.get();
}

// Appends a node's operands to those of its step, and sets the row that runs it alone.
void TableProgram::read_operands(const GraphView& graph, ConstantStore& store, uint32_t n,
                                 Node& step) {
  const NodeView view = graph.node(n);
  const OpRow* row = context_.traits.find(view->domain ? view->domain : "", view->op_type);
  if (!row) throw Failure(WEFT_E_UNSUPPORTED, text("no kernel for %s", view->op_type), n);
  try {
    row->check(view);
  } catch (const Refusal& refusal) {
    throw Failure(WEFT_E_UNSUPPORTED, refusal.why, n);
  }
  step.row = row;
  for (uint32_t i = 0; i < view->input_count; i++) {
    const uint32_t v = view->inputs[i];
    step.in.push_back(v == WEFT_NONE ? nullptr : &operands_[v]);
    const bool packed = row->packs && row->packs(view, i);
    if (graph.is_constant(v) && !packed) keep_constant(graph, store, v);
  }
  for (uint32_t i = 0; i < view->output_count; i++) {
    const uint32_t v = view->outputs[i];
    if (v != WEFT_NONE && island_.values[v].where == Where::constant)
      throw Failure(WEFT_E_INVALID, "a node writes a constant", n);
    step.out.push_back(v == WEFT_NONE ? nullptr : &operands_[v]);
  }
}

void TableProgram::keep_constant(const GraphView& graph, ConstantStore& store, uint32_t v) {
  if (operands_[v].data) return;
  const weft_value& value = graph.value(v);
  const auto id = content_id(value);
  const ConstantKey key = {0, value.data_size, id[0], id[1], 0, 0, 0, 0};
  // A constant of no elements has no bytes to point at.
  const auto copy = [&](char* to) {
    if (value.data_size > 0) std::memcpy(to, value.data, value.data_size);
  };
  operands_[v].data = const_cast<char*>(store.get(key, value.data_size, copy));
}

void TableProgram::measure_scratch(const GraphView& graph) {
  std::vector<int64_t> most;
  for (uint32_t i = 0; i < graph->slot_count; i++)
    most.push_back(std::max<int64_t>({graph.slot(i).max, graph.slot(i).min, 1}));
  island_.set_shapes(most.data());
  for (size_t v = 0; v < operands_.size(); v++) take_shape(v, most.data());
  const uint32_t threads = std::max(1u, context_.host.thread_count);
  for (const Node& node : nodes_)
    if (node.row->scratch)
      scratch_bytes_ = std::max(scratch_bytes_, node.row->scratch(node.step, threads));
}

void TableProgram::info(weft_program_info& out) {
  out.flags = context_.settings.deterministic ? WEFT_PROGRAM_DETERMINISTIC : 0;
  if (keeps_host_constants_) out.flags |= WEFT_PROGRAM_KEEPS_CONSTANTS;
  out.scratch_bytes = scratch_bytes_;
  for (const ConstantRef& c : constants_) out.constant_bytes += c->size;
  std::snprintf(out.blob_key, sizeof out.blob_key, "%s", context_.settings.driver.c_str());
}

void TableProgram::save(const weft_writer& writer) { save_blob(constants_, writer); }

}  // namespace weft::common
