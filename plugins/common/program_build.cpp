// Compiling: from the borrowed graph to operands, places and prepared nodes.
#include <algorithm>
#include <cstring>

#include "plugins/common/program.h"

namespace weft::common {

using plugin::Failure;
using plugin::GraphView;
using plugin::NodeView;
using plugin::text;

namespace {

weft_dim pinned(const weft_dim& dim, const int64_t* pins, uint32_t slot_count) {
  if (dim.slot == WEFT_NONE) return dim;
  if (dim.slot >= slot_count) throw Failure(WEFT_E_INVALID, "a dim names a slot that is not there");
  if (pins && pins[dim.slot] >= 0) return {pins[dim.slot], WEFT_NONE, 0};
  return dim;
}

void check_indices(const GraphView& graph) {
  const auto known = [&](uint32_t v) { return v == WEFT_NONE || v < graph->value_count; };
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const NodeView node = graph.node(n);
    for (uint32_t i = 0; i < node->input_count; i++)
      if (!known(node->inputs[i])) throw Failure(WEFT_E_INVALID, "a node reads no such value", n);
    for (uint32_t i = 0; i < node->output_count; i++)
      if (!known(node->outputs[i])) throw Failure(WEFT_E_INVALID, "a node writes no such value", n);
  }
  for (uint32_t i = 0; i < graph->input_count; i++)
    if (graph->inputs[i] >= graph->value_count)
      throw Failure(WEFT_E_INVALID, "no such graph input");
  for (uint32_t i = 0; i < graph->output_count; i++)
    if (graph->outputs[i] >= graph->value_count)
      throw Failure(WEFT_E_INVALID, "no such graph output");
}

}  // namespace

TableProgram::TableProgram(const Context& context, const weft_compile_args& args)
    : context_(context) {
  if (!args.graph) throw Failure(WEFT_E_INVALID, "compile without a graph");
  const weft_graph mine = plugin::read_struct(args.graph);
  const GraphView graph(mine);
  check_indices(graph);
  for (uint32_t i = 0; i < graph->slot_count; i++) {
    slots_.push_back(graph.slot(i));
    slots_.back().expr = nullptr;
  }
  last_slots_.resize(slots_.size());
  inputs_.assign(graph->inputs, graph->inputs + graph->input_count);
  outputs_.assign(graph->outputs, graph->outputs + graph->output_count);
  staged_inputs_.resize(inputs_.size());
  staged_outputs_.resize(outputs_.size());
  ConstantStore store(context.pool, args.blob, args.blob_size);
  read_values(graph, args.slots);
  order_views();
  read_nodes(graph, store);
  constants_ = store.take();
  measure_scratch(graph);
}

void TableProgram::read_values(const GraphView& graph, const int64_t* pins) {
  operands_.resize(graph->value_count);
  places_.resize(graph->value_count);
  for (uint32_t v = 0; v < graph->value_count; v++) {
    const weft_value& value = graph.value(v);
    Operand& operand = operands_[v];
    Place& place = places_[v];
    value_names_.emplace_back(value.name ? value.name : "");
    if (value.rank > kMaxRank) throw Failure(WEFT_E_UNSUPPORTED, "a value of rank above 8");
    operand.dtype = value.dtype;
    operand.rank = value.rank;
    operand.value = v;
    operand.tight = 1;
    for (uint32_t d = 0; d < value.rank; d++) {
      place.dims[d] = pinned(value.dims[d], pins, graph->slot_count);
      place.dynamic |= place.dims[d].slot != WEFT_NONE;
    }
    place.state = value.flags & WEFT_VALUE_STATE;
    if (value.flags & WEFT_VALUE_CONTENTS) {
      place.where = Where::contents;
      if (value.dtype != WEFT_I64 && value.dtype != WEFT_I32)
        throw Failure(WEFT_E_UNSUPPORTED, text("contents of %s", dtype_name(value.dtype)));
      for (uint32_t i = 0; i < value.contents_count; i++) {
        place.contents.push_back(pinned(value.contents[i], pins, graph->slot_count));
        place.dynamic |= place.contents.back().slot != WEFT_NONE;
      }
      place.integers = std::make_unique<int64_t[]>(std::max<size_t>(1, place.contents.size()));
      operand.data = reinterpret_cast<char*>(place.integers.get());
    } else if (value.flags & WEFT_VALUE_CONSTANT) {
      place.where = Where::constant;
    } else if (value.flags & WEFT_VALUE_VIEW) {
      if (value.parent >= graph->value_count) throw Failure(WEFT_E_INVALID, "a view of no value");
      place.where = Where::view;
      place.index = value.parent;
    } else {
      place.where = Where::workspace;
    }
    place.offset = pinned(value.offset, pins, graph->slot_count);
    place.dynamic |= place.offset.slot != WEFT_NONE;
  }
  // An output that is also an input or a view stays there: it is the same memory.
  for (uint32_t i = 0; i < outputs_.size(); i++)
    if (Place& place = places_[outputs_[i]]; place.where == Where::workspace) {
      place.where = Where::output;
      place.index = i;
    }
  for (uint32_t i = 0; i < inputs_.size(); i++)
    if (Place& place = places_[inputs_[i]]; place.where == Where::workspace ||
                                            place.where == Where::output ||
                                            place.where == Where::view) {
      place.where = Where::input;
      place.index = i;
    }
}

void TableProgram::order_views() {
  std::vector<uint32_t> depth(places_.size(), 0);
  for (uint32_t v = 0; v < places_.size(); v++) {
    if (places_[v].where != Where::view) continue;
    for (uint32_t p = v; places_[p].where == Where::view; p = places_[p].index)
      if (++depth[v] > places_.size())
        throw Failure(WEFT_E_INVALID, "views are each other's parents: " + value_names_[v]);
    const Where root = places_[places_[v].index].where;
    if (root == Where::constant || root == Where::contents)
      throw Failure(WEFT_E_INVALID, "a view lies inside a constant: " + value_names_[v]);
    view_order_.push_back(v);
  }
  std::stable_sort(view_order_.begin(), view_order_.end(),
                   [&](uint32_t a, uint32_t b) { return depth[a] < depth[b]; });
}

void TableProgram::read_nodes(const GraphView& graph, ConstantStore& store) {
  nodes_.resize(graph->node_count);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const NodeView view = graph.node(n);
    Node& node = nodes_[n];
    node.row = context_.traits.find(view->domain ? view->domain : "", view->op_type);
    if (!node.row) throw Failure(WEFT_E_UNSUPPORTED, text("no kernel for %s", view->op_type), n);
    try {
      node.row->check(view);
    } catch (const Refusal& refusal) {
      throw Failure(WEFT_E_UNSUPPORTED, refusal.why, n);
    }
    node.name = view->name && *view->name ? view->name : view->op_type;
    for (uint32_t i = 0; i < view->input_count; i++) {
      const uint32_t v = view->inputs[i];
      node.in.push_back(v == WEFT_NONE ? nullptr : &operands_[v]);
      const bool packed = node.row->packs && node.row->packs(view, i);
      if (graph.is_constant(v) && !packed && !operands_[v].data) {
        const weft_value& value = graph.value(v);
        const auto id = content_id(value);
        const ConstantKey key = {0, value.data_size, id[0], id[1], 0, 0, 0, 0};
        operands_[v].data = const_cast<char*>(store.get(
            key, value.data_size, [&](char* to) { std::memcpy(to, value.data, value.data_size); }));
      }
    }
    for (uint32_t i = 0; i < view->output_count; i++) {
      const uint32_t v = view->outputs[i];
      if (v != WEFT_NONE && places_[v].where == Where::constant)
        throw Failure(WEFT_E_INVALID, "a node writes a constant", n);
      node.out.push_back(v == WEFT_NONE ? nullptr : &operands_[v]);
    }
    node.step = {node.in.data(),
                 node.out.data(),
                 uint32_t(node.in.size()),
                 uint32_t(node.out.size()),
                 nullptr,
                 nullptr,
                 &fault_,
                 n};
    if (node.row->prepare) {
      Prepare prepare{view, store, context_.settings.state.get()};
      node.state = node.row->prepare(prepare);
      node.step.state = node.state.get();
    }
  }
}

void TableProgram::measure_scratch(const GraphView&) {
  std::vector<int64_t> most;
  for (const weft_slot& slot : slots_) most.push_back(std::max<int64_t>({slot.max, slot.min, 1}));
  set_shapes(most.data(), true);
  const uint32_t threads = std::max(1u, context_.host.thread_count);
  for (const Node& node : nodes_)
    if (node.row->scratch)
      scratch_bytes_ = std::max(scratch_bytes_, node.row->scratch(node.step, threads));
}

void TableProgram::info(weft_program_info& out) {
  out.flags = context_.settings.deterministic ? WEFT_PROGRAM_DETERMINISTIC : 0;
  out.scratch_bytes = scratch_bytes_;
  for (const ConstantRef& c : constants_) out.constant_bytes += c->size;
  std::snprintf(out.blob_key, sizeof out.blob_key, "%s", context_.settings.driver.c_str());
}

void TableProgram::save(const weft_writer& writer) { save_blob(constants_, writer); }

}  // namespace weft::common
