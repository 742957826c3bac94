// Elementwise ops: two inputs with broadcasting, and one input. The kernels carry the op's name.
#include <cstring>

#include "plugins/opencl/op.h"

namespace weft::opencl {

namespace {

constexpr size_t kItems = 128;  // of a work-group
// Dims a broadcasting kernel walks, after those that go on contiguously have joined.
constexpr uint32_t kWalked = 4;

Grid line(int64_t count) { return {{size_t(count), 1, 1}, {kItems, 1, 1}}; }

bool same_shape(const weft_value& a, const weft_value& b) {
  bool same = a.rank == b.rank;
  for (uint32_t d = 0; same && d < a.rank; d++) same = same_dim(a.dims[d], b.dims[d]);
  return same;
}

void check_binary(const NodeView& node, const Limits& limits) {
  if (node->input_count != 2)
    throw Refusal{WEFT_REFUSE_OTHER, "exactly two inputs", WEFT_NONE, {}, node->input_count, 2};
  for (uint32_t i : {0u, 1u}) {
    need_input(node, i);
    need_plain_f32(node, i);
  }
  if (node.out(0).rank > kWalked && !same_shape(node.in(0), node.in(1)))
    throw Refusal{
        WEFT_REFUSE_RANK, text("%s broadcasts over up to %u dims", node->op_type, kWalked),
        node.output(0),   {},
        node.out(0).rank, kWalked};
  check_tensors(limits, node);
}

// The output's dims as a kernel walks them, innermost last, with an input's strides: 0 where the
// input is broadcast.
struct Walk {
  cl_int4 shape{}, a{}, b{};
};

void strides(const Tensor& x, const Tensor& y, cl_int4& out) {
  int64_t step = 1;
  for (uint32_t back = 0; back < kWalked; back++) {
    out.s[kWalked - 1 - back] = 0;
    if (back >= x.rank || back >= y.rank) continue;
    const int64_t dim = x.shape[x.rank - 1 - back];
    if (dim != 1) out.s[kWalked - 1 - back] = cl_int(step);
    step *= dim;
  }
}

Walk walk_of(const Tensor& a, const Tensor& b, const Tensor& y) {
  Walk walk;
  for (uint32_t back = 0; back < kWalked; back++)
    walk.shape.s[kWalked - 1 - back] = back < y.rank ? cl_int(y.shape[y.rank - 1 - back]) : 1;
  strides(a, y, walk.a);
  strides(b, y, walk.b);
  return walk;
}

Run prepare_binary(Prepare& context) {
  const std::string name = std::string("binary_") + context.node->op_type;
  const Tensor *a = context.in[0], *b = context.in[1], *y = context.out[0];
  return [a, b, y, plain = context.kernel(name),
          broadcast = context.kernel(name + "_broadcast")](Submission& commands) {
    if (a->count == y->count && b->count == y->count) {
      plain.arguments(*a, *b, *y, cl_long(y->count));
      commands.launch(plain, line(y->count));
    } else {
      const Walk walk = walk_of(*a, *b, *y);
      broadcast.arguments(*a, *b, *y, cl_long(y->count), walk.shape, walk.a, walk.b);
      commands.launch(broadcast, line(y->count));
    }
  };
}

void check_unary(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  need_plain_f32(node, 0);
  check_tensors(limits, node);
}

Run prepare_unary(Prepare& context) {
  std::string name = std::string("unary_") + context.node->op_type;
  if (context.node.string("approximate", "none") == "tanh") name += "_tanh";
  const float alpha = context.node.real("alpha", 1.0f);
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y, alpha, kernel = context.kernel(name)](Submission& commands) {
    kernel.arguments(*x, *y, cl_long(y->count), alpha);
    commands.launch(kernel, line(y->count));
  };
}

}  // namespace

extern const OpRow binary_row = {check_binary, prepare_binary};
extern const OpRow unary_row = {check_unary, prepare_unary};

}  // namespace weft::opencl
