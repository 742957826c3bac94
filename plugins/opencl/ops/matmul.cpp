// MatMul: x [..., K] by a constant [K, N], packed once (weight_product.h), or by another
// activation.
#include "plugins/opencl/op.h"
#include "plugins/opencl/ops/weight_product.h"
#include "plugins/opencl/weights.h"

namespace weft::opencl {

namespace {

bool is_weight(const NodeView& node) {
  return node.graph().is_constant(node.input(1)) && node.in(1).rank == 2;
}

bool packs(const NodeView& node, uint32_t i) { return i == 1 && is_weight(node); }

int64_t panels(int64_t n) { return (n + kPanel - 1) / kPanel; }

// Whether the operand has the batch dims of the output (true) or none but ones (false); refuses
// what lies between.
bool is_batched(const NodeView& node, uint32_t i) {
  const weft_value &x = node.in(i), &y = node.out(0);
  bool ones = true, same = x.rank == y.rank;
  for (uint32_t d = 0; d + 2 < x.rank; d++) {
    ones = ones && x.dims[d].slot == WEFT_NONE && x.dims[d].value == 1;
    same = same && same_dim(x.dims[d], y.dims[d]);
  }
  if (!ones && !same)
    throw Refusal{WEFT_REFUSE_SHAPE,
                  "the batch dims of an operand are neither all ones nor those of the product",
                  node.input(i)};
  return !ones;
}

void check(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_input(node, 1);
  need_plain_f32(node, 0);
  if (is_weight(node)) {
    check_weight(node.graph(), columns_of(node.graph(), node.input(1)), limits);
    check_tensor(limits, node, node.input(0));
    check_tensor(limits, node, node.output(0));
    return;
  }
  need_plain_f32(node, 1);
  for (uint32_t i : {0u, 1u}) {
    if (node.in(i).rank < 2)
      throw Refusal{WEFT_REFUSE_RANK, "a vector multiplied with an activation",
                    node.input(i),    {},
                    node.in(i).rank,  2};
    is_batched(node, i);
  }
  check_tensors(limits, node);
}

Run prepare_activations(Prepare& context) {
  const Tensor *a = context.in[0], *b = context.in[1], *y = context.out[0];
  const bool batched_a = is_batched(context.node, 0), batched_b = is_batched(context.node, 1);
  return [a, b, y, batched_a, batched_b, tiled = context.context.options.tiled,
          kernel = context.kernel("matmul_batched")](Submission& commands) {
    const int64_t m = a->shape[a->rank - 2], k = a->shape[a->rank - 1], n = b->shape[b->rank - 1];
    if (y->count == 0) return;
    const size_t batches = size_t(y->count / (m * n));
    kernel.arguments(*a, cl_long(batched_a ? m * k : 0), *b, cl_long(batched_b ? k * n : 0), *y,
                     cl_int(m), cl_int(k), cl_int(n));
    commands.launch(kernel, tiled ? Grid{{size_t(n), size_t(m), batches}, {16, 16, 1}}
                                  : Grid{{size_t(panels(n)), size_t(m), batches}, {1, 4, 1}});
  };
}

Run prepare(Prepare& context) {
  return is_weight(context.node) ? prepare_weight_product(context) : prepare_activations(context);
}

}  // namespace

extern const OpRow matmul_row = {check, prepare, packs};

}  // namespace weft::opencl
