// Compiling: from the borrowed graph to tensors and nodes ready to run.
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
  read_nodes(GraphView(mine));
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
      if (v != WEFT_NONE && island_.values[v].where == Where::constant)
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
  std::set<const DeviceConstant*> counted;  // nodes may share one
  for (const ConstantRef& constant : constants_)
    if (counted.insert(constant.get()).second) out.constant_bytes += constant->size;
  std::snprintf(out.blob_key, sizeof out.blob_key, "%s", context_.kernels().key_text().c_str());
}

}  // namespace weft::opencl
