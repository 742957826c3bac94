// ReduceSum, ReduceMean, ReduceMax, ReduceMin and ReduceProd over any axes; CumSum along one; TopK.
#include <cstring>

#include "plugins/opencl/op.h"
#include "plugins/opencl/walk.h"

namespace weft::opencl {

namespace {

void need_number(const NodeView& node) {
  need_input(node, 0);
  need_plain(node, 0);
  const uint32_t dtype = node.in(0).dtype;
  if (dtype != WEFT_I64 && dtype != WEFT_I32) need_dtype(node, 0, WEFT_F32);
}

// ------------------------------------------------------------------ reductions
// As kernels/any/reduce.cl numbers them.
int kind_of(const char* op) {
  const char* names[] = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"};
  for (int i = 0; i < 5; i++)
    if (std::strcmp(op, names[i]) == 0) return i;
  return 0;
}

void check_reduce(const NodeView& node, const Limits& limits) {
  need_number(node);
  if (node.has(1)) need_known(node, 1);
  check_tensors(limits, node);
}

struct Reduction {
  const Tensor *x, *y, *axes;
  int kind;
  bool nothing;  // no axes are named, and that means none
};

// Whether each dim is reduced, as bits.
uint32_t reduced_dims(const Reduction& r) {
  const bool stated = r.axes && r.axes->count > 0;
  uint32_t chosen = stated || r.nothing ? 0 : ~0u;
  for (int64_t i = 0; stated && i < r.axes->count; i++)
    chosen |= 1u << axis_of(r.axes->known[i], r.x->rank);
  return chosen;
}

void run_reduce(const Reduction& r, const Kernel& kernel, Submission& commands) {
  const Tensor& x = *r.x;
  const uint32_t chosen = reduced_dims(r);
  Walk<1> kept, group;
  for (uint32_t d = 0; d < x.rank; d++)
    (chosen >> d & 1 ? group : kept).add(x.shape[d], {x.inner(d + 1)});
  int64_t inner = 1, stride = 1;
  if (group.rank) {
    const uint32_t last = --group.rank;
    inner = group.shape[last], stride = group.stride[0][last];
  }
  kernel.arguments(x, *r.y, cl_long(r.y->count), kept.dims(), kept.strides(0),
                   cl_long(group.count()), cl_long(inner), cl_long(stride), group.dims(),
                   group.strides(0), cl_int(r.kind), cl_int(x.dtype));
  commands.launch(kernel, {{size_t(r.y->count), 1, 1}, {8, 1, 1}});
}

Run prepare_reduce(Prepare& context) {
  const Reduction reduction = {
      context.in[0], context.out[0], context.in.size() > 1 ? context.in[1] : nullptr,
      kind_of(context.node->op_type), context.node.integer("noop_with_empty_axes", 0) != 0};
  return [reduction, kernel = context.kernel("reduce")](Submission& commands) {
    run_reduce(reduction, kernel, commands);
  };
}

// ------------------------------------------------------------------ lines along an axis
void check_cumsum(const NodeView& node, const Limits& limits) {
  need_number(node);
  need_known(node, 1);
  check_tensors(limits, node);
}

Run prepare_cumsum(Prepare& context) {
  const Tensor *x = context.in[0], *axis = context.in[1], *y = context.out[0];
  const cl_int exclusive = context.node.integer("exclusive", 0) != 0;
  const cl_int reverse = context.node.integer("reverse", 0) != 0;
  return [=, kernel = context.kernel("cumulate")](Submission& commands) {
    if (x->count == 0) return;
    const uint32_t d = axis_of(axis->known[0], x->rank);
    const int64_t lines = x->count / x->shape[d];
    kernel.arguments(*x, *y, cl_long(lines), cl_long(x->shape[d]), cl_long(x->inner(d + 1)),
                     exclusive, reverse, cl_int(x->dtype));
    commands.launch(kernel, {{size_t(lines), 1, 1}, {8, 1, 1}});
  };
}

void check_topk(const NodeView& node, const Limits& limits) {
  need_number(node);
  if (node.output(1) == WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "TopK whose indices nobody reads"};
  check_tensors(limits, node);
}

Run prepare_topk(Prepare& context) {
  const Tensor *x = context.in[0], *values = context.out[0], *indices = context.out[1];
  const uint32_t axis = axis_of(context.node.integer("axis", -1), x->rank);
  const cl_int largest = context.node.integer("largest", 1) != 0;
  return [=, kernel = context.kernel("topk")](Submission& commands) {
    const int64_t length = x->shape[axis], k = indices->shape[axis];
    if (k > length) throw Failure(WEFT_E_INVALID, "k is larger than the axis");
    if (x->count == 0 || k == 0) return;
    const int64_t lines = x->count / length;
    kernel.arguments(*x, values ? *values : *x, cl_int(values != nullptr), *indices, cl_long(lines),
                     cl_long(length), cl_long(k), cl_long(x->inner(axis + 1)), largest,
                     cl_int(x->dtype), cl_int(x->item()));
    commands.launch(kernel, {{size_t(lines), 1, 1}, {8, 1, 1}});
  };
}

}  // namespace

extern const OpRow reduce_row = {check_reduce, prepare_reduce, nullptr, parameters_on_host};
extern const OpRow cumsum_row = {check_cumsum, prepare_cumsum, nullptr, parameters_on_host};
extern const OpRow topk_row = {check_topk, prepare_topk, nullptr, parameters_on_host};

}  // namespace weft::opencl
