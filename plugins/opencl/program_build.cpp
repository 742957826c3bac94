// Compiling: from the borrowed graph to tensors, places and nodes ready to run.
#include <algorithm>
#include <cstring>

#include "plugins/opencl/program.h"

namespace weft::opencl {

using plugin::GraphView;

namespace {

weft_dim pinned(const weft_dim& dim, const int64_t* pins, uint32_t slot_count) {
  if (dim.slot == WEFT_NONE) return dim;
  if (dim.slot >= slot_count) throw Failure(WEFT_E_INVALID, "a dim names a slot that is not there");
  if (pins && pins[dim.slot] >= 0) return {pins[dim.slot], WEFT_NONE, 0};
  return dim;
}

}  // namespace

IslandProgram::IslandProgram(Context& context, const weft_compile_args& args) : context_(context) {
  if (!args.graph) throw Failure(WEFT_E_INVALID, "compile without a graph");
  const weft_graph mine = plugin::read_struct(args.graph);
  const GraphView graph(mine);
  check_indices(graph);
  context_.kernels().ensure(args.blob, args.blob_size);
  slots_.resize(graph->slot_count);
  inputs_.assign(graph->inputs, graph->inputs + graph->input_count);
  outputs_.assign(graph->outputs, graph->outputs + graph->output_count);
  staged_inputs_.resize(inputs_.size());
  staged_outputs_.resize(outputs_.size());
  read_values(graph, args.slots);
  order_views();
  read_nodes(graph);
}

void IslandProgram::check_indices(const GraphView& graph) const {
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

void IslandProgram::read_values(const GraphView& graph, const int64_t* pins) {
  tensors_.resize(graph->value_count);
  places_.resize(graph->value_count);
  for (uint32_t v = 0; v < graph->value_count; v++) {
    const weft_value& value = graph.value(v);
    Place& place = places_[v];
    place.name = value.name ? value.name : "";
    if (value.rank > kMaxRank) throw Failure(WEFT_E_UNSUPPORTED, "a value of rank above 8");
    tensors_[v].dtype = value.dtype;
    tensors_[v].rank = value.rank;
    for (uint32_t d = 0; d < value.rank; d++) {
      place.dims[d] = pinned(value.dims[d], pins, graph->slot_count);
      place.dynamic |= place.dims[d].slot != WEFT_NONE;
    }
    place.state = value.flags & WEFT_VALUE_STATE;
    place.offset = pinned(value.offset, pins, graph->slot_count);
    place.dynamic |= place.offset.slot != WEFT_NONE;
    if (value.flags & WEFT_VALUE_CONTENTS) {
      place.where = Where::contents;
    } else if (value.flags & WEFT_VALUE_CONSTANT) {
      place.where = Where::constant;
    } else if (value.flags & WEFT_VALUE_VIEW) {
      if (value.parent >= graph->value_count) throw Failure(WEFT_E_INVALID, "a view of no value");
      place.where = Where::view;
      place.index = value.parent;
    }
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

void IslandProgram::order_views() {
  std::vector<size_t> depth(places_.size(), 0);
  for (uint32_t v = 0; v < places_.size(); v++) {
    if (places_[v].where != Where::view) continue;
    for (uint32_t p = v; places_[p].where == Where::view; p = places_[p].index)
      if (++depth[v] > places_.size())
        throw Failure(WEFT_E_INVALID, "views are each other's parents: " + places_[v].name);
    const Where root = places_[places_[v].index].where;
    if (root == Where::constant || root == Where::contents)
      throw Failure(WEFT_E_INVALID, "a view lies inside a constant: " + places_[v].name);
    view_order_.push_back(v);
  }
  std::stable_sort(view_order_.begin(), view_order_.end(),
                   [&](uint32_t a, uint32_t b) { return depth[a] < depth[b]; });
}

void IslandProgram::read_nodes(const GraphView& graph) {
  nodes_.resize(graph->node_count);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const NodeView view = graph.node(n);
    Node& node = nodes_[n];
    const OpRow* row = find_op(view->domain, view->op_type);
    if (!row) throw Failure(WEFT_E_UNSUPPORTED, text("no kernel for %s", view->op_type), n);
    try {
      row->check(view, context_.facts.limits);
    } catch (const Refusal& refusal) {
      throw Failure(WEFT_E_UNSUPPORTED, refusal.why, n);
    }
    node.name = view->name && *view->name ? view->name : view->op_type;
    for (uint32_t i = 0; i < view->input_count; i++) {
      const uint32_t v = view->inputs[i];
      node.in.push_back(v == WEFT_NONE ? nullptr : &tensors_[v]);
    }
    for (uint32_t i = 0; i < view->output_count; i++) {
      const uint32_t v = view->outputs[i];
      if (v != WEFT_NONE && places_[v].where == Where::constant)
        throw Failure(WEFT_E_INVALID, "a node writes a constant", n);
      node.out.push_back(v == WEFT_NONE ? nullptr : &tensors_[v]);
    }
    Prepare prepare{view, context_, node.in, node.out, constants_};
    for (uint32_t i = 0; i < view->input_count; i++) {
      const uint32_t v = view->inputs[i];
      if (!graph.is_constant(v) || tensors_[v].memory || (row->packs && row->packs(view, i)))
        continue;
      const weft_value& value = graph.value(v);
      tensors_[v] = prepare.constant(
          i, 0, value.data_size, [&](char* to) { std::memcpy(to, value.data, value.data_size); });
    }
    node.run = row->prepare(prepare);
  }
}

void IslandProgram::info(weft_program_info& out) {
  for (const ConstantRef& constant : constants_) out.constant_bytes += constant->size;
  std::snprintf(out.blob_key, sizeof out.blob_key, "%s", context_.kernels().key_text().c_str());
}

}  // namespace weft::opencl
