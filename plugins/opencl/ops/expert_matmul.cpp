// ExpertMatMul: each row by the matrix of its own expert, all matrices packed once as MatMul's are:
//
//   packed   [experts][ceil(N / PANEL)][K][PANEL] f32, columns past N are zero
//
// A row's bits do not depend on its neighbours: every row is computed by itself.
#include "plugins/opencl/op.h"

namespace weft::opencl {

namespace {

constexpr uint64_t kExpertLayout = 2;

bool is_transposed(const NodeView& node) { return node.integer("transposed", 0) != 0; }

bool packs(const NodeView&, uint32_t i) { return i == 1; }

// E matrices of K x N.
struct Stack {
  int64_t experts, k, n;
  int64_t panels() const { return (n + kPanel - 1) / kPanel; }
  uint64_t bytes() const { return uint64_t(experts * panels() * k) * kPanel * sizeof(float); }
};

Stack stack_of(const NodeView& node) {
  const weft_dim* dims = node.in(1).dims;
  const bool transposed = is_transposed(node);
  return {dims[0].value, dims[transposed ? 2 : 1].value, dims[transposed ? 1 : 2].value};
}

void check(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_input(node, 1);
  need_indices(node, 2);
  need_plain_f32(node, 0);
  if (!node.graph().is_constant(node.input(1)))
    throw Refusal{WEFT_REFUSE_OTHER, "the weights of experts must be a constant", node.input(1)};
  need_plain_f32(node, 1);
  if (node.has(3)) need_plain_f32(node, 3);
  const Stack stack = stack_of(node);
  if (stack.bytes() > limits.allocation_bytes)
    throw Refusal{WEFT_REFUSE_LIMIT,
                  "the packed weights of all experts are more than one buffer of this device holds",
                  node.input(1),
                  "CL_DEVICE_MAX_MEM_ALLOC_SIZE",
                  int64_t(stack.bytes()),
                  int64_t(limits.allocation_bytes)};
  check_tensors(limits, node);
}

void pack(const float* from, const Stack& stack, bool transposed, float* to) {
  const int64_t step_k = transposed ? 1 : stack.n, step_n = transposed ? stack.k : 1;
  for (int64_t e = 0; e < stack.experts; e++, from += stack.k * stack.n)
    for (int64_t first = 0; first < stack.panels() * kPanel; first += kPanel)
      for (int64_t i = 0; i < stack.k; i++)
        for (int64_t column = first; column < first + kPanel; column++)
          *to++ = column < stack.n ? from[i * step_k + column * step_n] : 0.0f;
}

Run prepare(Prepare& context) {
  const NodeView& node = context.node;
  const Stack stack = stack_of(node);
  const auto fill = [&](char* to) {
    pack(static_cast<const float*>(node.in(1).data), stack, is_transposed(node),
         reinterpret_cast<float*>(to));
  };
  const Tensor w = context.constant(1, kExpertLayout + is_transposed(node), stack.bytes(), fill);
  const Tensor *x = context.in[0], *experts = context.in[2], *y = context.out[0];
  const Tensor* bias = context.in.size() > 3 ? context.in[3] : nullptr;
  const int64_t width = width_of(context.context.options.tiled);
  return [=, kernel = context.kernel("expert_matmul")](Submission& commands) {
    const int64_t rows = experts->count, of_x = stack.k ? x->count / stack.k : 0;
    if (rows == 0 || stack.n == 0) return;
    const int64_t sharing = of_x ? rows / of_x : 0;
    if (sharing * of_x != rows)
      throw Failure(WEFT_E_INVALID, "there are not as many experts as rows");
    kernel.arguments(*x, w, *experts, cl_int(experts->dtype), bias ? *bias : *x,
                     cl_int(bias != nullptr), *y, cl_long(stack.experts), cl_int(stack.k),
                     cl_int(stack.n), cl_long(sharing));
    const size_t across = size_t(stack.panels() * kPanel / width);
    commands.launch(kernel, {{across, size_t(rows), 1}, {width == kPanel ? size_t{2} : 16, 1, 1}});
  };
}

}  // namespace

extern const OpRow expert_matmul_row = {check, prepare, packs};

}  // namespace weft::opencl
