// MatMulInteger and QLinearMatMul: products of bytes, exact in 32 bits. For rightness, not speed: a
// work-item takes a sum from end to end, and weights lie as the file has them.
#include <cstring>

#include "plugins/opencl/op.h"
#include "plugins/opencl/walk.h"

namespace weft::opencl {

namespace {

// Where the operands of each op are among its inputs; 0: it has none.
struct Slots {
  uint32_t b, a_zero, b_zero, a_scale, b_scale, y_scale, y_zero;
};
constexpr Slots kInteger = {1, 2, 3, 0, 0, 0, 0}, kQLinear = {3, 2, 5, 1, 4, 6, 7};

Slots slots_of(const NodeView& node) {
  return std::strcmp(node->op_type, "QLinearMatMul") == 0 ? kQLinear : kInteger;
}

void need_byte(const NodeView& node, uint32_t i) {
  if (node.has(i) && node.in(i).dtype != WEFT_I8) need_dtype(node, i, WEFT_U8);
}

void check(const NodeView& node, const Limits& limits) {
  const Slots at = slots_of(node);
  need_input(node, 0);
  need_input(node, at.b);
  need_plain(node);
  for (const uint32_t i : {0u, at.b}) {
    need_byte(node, i);
    if (node.in(i).rank < 2)
      throw Refusal{WEFT_REFUSE_RANK, "a vector; matrices of bytes are needed", node.input(i)};
  }
  for (const uint32_t i : {at.a_zero, at.b_zero, at.y_zero, at.a_scale, at.b_scale, at.y_scale}) {
    if (i == 0 || !node.has(i)) continue;
    const bool is_scale = i == at.a_scale || i == at.b_scale || i == at.y_scale;
    is_scale ? need_dtype(node, i, WEFT_F32) : need_byte(node, i);
    if (node.in(i).rank > 1)
      throw Refusal{WEFT_REFUSE_RANK, "a scale or zero point that differs between batches",
                    node.input(i),    {},
                    node.in(i).rank,  1};
  }
  check_tensors(limits, node);
}

// The leading dims of y, with the strides of both operands.
Walk<2> matrices_of(const Tensor& a, const Tensor& b, const Tensor& y) {
  Walk<2> walk;
  for (uint32_t d = 0; d + 2 < y.rank; d++)
    walk.add(y.shape[d], {broadcast_stride(a, y, d), broadcast_stride(b, y, d)});
  return walk;
}

Run prepare(Prepare& context) {
  const Slots at = slots_of(context.node);
  const auto in = [&](uint32_t i) { return i && i < context.in.size() ? context.in[i] : nullptr; };
  const Tensor *a = context.in[0], *b = in(at.b), *y = context.out[0];
  const Tensor *a_zero = in(at.a_zero), *b_zero = in(at.b_zero), *y_zero = in(at.y_zero);
  const Tensor *a_scale = in(at.a_scale), *b_scale = in(at.b_scale), *y_scale = in(at.y_scale);
  return [=, kernel = context.kernel("matmul_integer")](Submission& commands) {
    if (y->count == 0) return;
    const Walk<2> walk = matrices_of(*a, *b, *y);
    const int64_t rows = y->shape[y->rank - 2], columns = y->shape[y->rank - 1];
    const auto present = [&](const Tensor* x) -> const Tensor& { return x ? *x : *a; };
    cl_int8 steps{};
    uint32_t place = 0;
    for (const Tensor* x : {a_zero, b_zero, a_scale, b_scale, y_scale, y_zero})
      steps.s[place++] = x && x->count > 1;
    kernel.arguments(*a, cl_int(a->dtype), *b, cl_int(b->dtype), present(a_zero), present(b_zero),
                     *y, cl_int(y->dtype), cl_long(rows), cl_long(columns),
                     cl_long(a->shape[a->rank - 1]), walk.dims(), walk.strides(0), walk.strides(1),
                     steps, cl_int((a_zero ? 1 : 0) | (b_zero ? 2 : 0) | (y_zero ? 4 : 0)),
                     cl_int(y->dtype != WEFT_I32), present(a_scale), present(b_scale),
                     present(y_scale), present(y_zero));
    commands.launch(kernel, {{size_t(columns), size_t(rows), size_t(walk.count())}, {16, 1, 1}});
  };
}

}  // namespace

extern const OpRow quantized_matmul_row = {check, prepare};

}  // namespace weft::opencl
