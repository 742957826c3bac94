// Compiling: from the borrowed graph to tensors and nodes ready to run.
#include <algorithm>
#include <cstring>
#include <set>

#include "plugins/opencl/program.h"

namespace weft::opencl {

using plugin::GraphView;

IslandProgram::IslandProgram(Context& context, const weft_compile_args& args)
    : context_(context),
      island_(args),
      tensors_(island_.values.size()),
      staged_inputs_(island_.inputs.size()),
      staged_outputs_(island_.outputs.size()) {
  const weft_graph mine = common::graph_of(args);
  context_.kernels().ensure(args.blob, args.blob_size);
  for (size_t v = 0; v < tensors_.size(); v++) {
    tensors_[v].dtype = island_.values[v].dtype;
    tensors_[v].rank = island_.values[v].rank;
  }
  scratch_.dtype = WEFT_F32;
  read_known(GraphView(mine));
  read_nodes(GraphView(mine));
}

// Contents, and constants of a few integers.
void IslandProgram::read_known(const GraphView& graph) {
  known_.resize(tensors_.size());
  for (uint32_t v = 0; v < tensors_.size(); v++) {
    const weft_value& value = graph.value(v);
    const bool wide = value.dtype == WEFT_I64;
    if (!wide && value.dtype != WEFT_I32) continue;
    std::vector<int64_t>& known = known_[v];
    if (island_.values[v].where == Where::contents) {
      known.resize(std::max<size_t>(1, island_.values[v].contents.size()));
    } else if (graph.is_constant(v) && !value.quant && value.data_size <= kMostKnown) {
      known.resize(std::max<size_t>(1, value.data_size / (wide ? 8 : 4)));
      for (size_t i = 0; i < value.data_size / (wide ? 8 : 4); i++)
        known[i] = wide ? static_cast<const int64_t*>(value.data)[i]
                        : static_cast<const int32_t*>(value.data)[i];
    } else {
      continue;
    }
    tensors_[v].known = known.data();
  }
  for (const uint32_t v : island_.outputs)
    if (island_.values[v].where == Where::contents) uploads_[v];
}

Prepare IslandProgram::preparing(const NodeView& view, const Node& node) {
  return {view, context_, node.in, node.out, constants_, scratch_, scratch_bytes_};
}

// The tensors of a node; constants that its row wants as they are are uploaded.
void IslandProgram::read_places(const GraphView& graph, const NodeView& view, const OpRow& row,
                                Node& node) {
  for (uint32_t i = 0; i < view->input_count; i++) {
    const uint32_t v = view->inputs[i];
    node.in.push_back(v == WEFT_NONE ? nullptr : &tensors_[v]);
    if (v == WEFT_NONE) continue;
    const bool is_here = row.on_host && row.on_host(view, i);
    if (island_.values[v].where == Where::contents && !is_here) uploads_[v];
  }
  for (uint32_t i = 0; i < view->output_count; i++) {
    const uint32_t v = view->outputs[i];
    if (v != WEFT_NONE && island_.values[v].where == Where::constant)
      throw Failure(WEFT_E_INVALID, "a node writes a constant", view.index());
    node.out.push_back(v == WEFT_NONE ? nullptr : &tensors_[v]);
  }
  const Prepare prepare = preparing(view, node);
  for (uint32_t i = 0; i < view->input_count; i++) {
    const uint32_t v = view->inputs[i];
    if (!graph.is_constant(v) || tensors_[v].memory) continue;
    if ((row.packs && row.packs(view, i)) || (row.on_host && row.on_host(view, i))) continue;
    const weft_value& value = graph.value(v);
    tensors_[v] = prepare.constant(i, 0, value.data_size,
                                   [&](char* to) { std::memcpy(to, value.data, value.data_size); });
  }
}

// A fusion runs where its last node stands.
void IslandProgram::read_fusion(const GraphView& graph, const Fusion& fusion) {
  Node &first = nodes_[fusion.nodes.front()], &last = nodes_[fusion.nodes.back()];
  const NodeView views[] = {graph.node(fusion.nodes.front()), graph.node(fusion.nodes.back())};
  const Prepare before = preparing(views[0], first);
  Prepare prepare = preparing(views[1], last);
  last.run = fusion.prepare(prepare, before);
  last.name = first.name + "+" + last.name;
  first.run = [](Submission&) {};
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
    read_places(graph, view, *row, node);
  }
  for (const Fusion& fusion : kept_fusions(graph)) read_fusion(graph, fusion);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    Node& node = nodes_[n];
    if (node.run) continue;  // part of a fusion
    if (std::all_of(node.out.begin(), node.out.end(), [&](const Tensor* y) {
          return !y || island_.values[size_t(y - tensors_.data())].where == Where::contents;
        })) {
      node.run = [](Submission&) {};  // the host knows them already
      continue;
    }
    const NodeView view = graph.node(n);
    Prepare prepare = preparing(view, node);
    node.run = find_op(view->domain, view->op_type)->prepare(prepare);
  }
}

void IslandProgram::info(weft_program_info& out) {
  out.scratch_bytes = scratch_bytes_;
  // The tiled family sums products of many rows in another order than those of a few.
  if (!context_.options.tiled) out.flags |= WEFT_PROGRAM_DETERMINISTIC;
  std::set<const DeviceConstant*> counted;  // nodes may share one
  for (const ConstantRef& constant : constants_)
    if (counted.insert(constant.get()).second) out.constant_bytes += constant->size;
  std::snprintf(out.blob_key, sizeof out.blob_key, "%s", context_.kernels().key_text().c_str());
}

}  // namespace weft::opencl
