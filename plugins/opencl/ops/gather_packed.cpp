// Gather of lines of a packed matrix; see gather_packed.h.
#include "plugins/opencl/ops/gather_packed.h"

#include "plugins/opencl/weights.h"

namespace weft::opencl {

namespace {

// Smaller tables of floats are kept as they are: their rows are then copied, not collected.
constexpr int64_t kPackedBytes = 1 << 20;

}  // namespace

bool gathers_packed(const NodeView& node) {
  if (!node.has(0) || !node.graph().is_constant(node.input(0)) || node.in(0).rank != 2)
    return false;
  const weft_value& table = node.in(0);
  const int64_t axis = node.integer("axis", 0);
  if (axis != 0 && axis != -2) return false;
  return table.quant || table.order == WEFT_COLUMN_MAJOR ||
         (table.dtype == WEFT_F32 && table.dims[0].value * table.dims[1].value * 4 >= kPackedBytes);
}

void check_gather_packed(const NodeView& node, const Limits& limits) {
  need_indices(node, 1);
  need_plain(node, 1);
  check_weight(node.graph(), rows_of(node.graph(), node.input(0)), limits);
  check_tensor(limits, node, node.input(1));
  check_tensor(limits, node, node.output(0));
}

Run prepare_gather_packed(Prepare& context) {
  const plugin::GraphView& graph = context.node.graph();
  const PackedWeight w = pack_weight(context.context, graph, rows_of(graph, context.node.input(0)));
  for (const PackedWeight::Part& part : w.parts) context.constants.push_back(part.bytes);
  const Tensor *ids = context.in[1], *y = context.out[0];
  return [ids, y, w, kernel = context.kernel("gather_packed")](Submission& commands) {
    const size_t groups = size_t((w.k + 7) / 8);
    for (const PackedWeight::Part& part : w.parts) {
      kernel.arguments(*ids, cl_int(ids->dtype == WEFT_I64), part.bytes->memory.get(), *y,
                       part.form, cl_long(w.n), cl_int(ids->count));
      commands.launch(kernel, Grid{{groups, size_t(ids->count), 1}, {8, 1, 1}});
    }
  };
}

}  // namespace weft::opencl
