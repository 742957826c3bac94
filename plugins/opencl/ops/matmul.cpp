// MatMul: x [..., K] by a constant [K, N], packed once, or by another activation.
//
//   packed   [ceil(N / PANEL)][K][PANEL] f32, columns past N are zero: a block of columns is read
//            front to back, by one row (decode) as by many (prefill), in both families
#include <cstring>

#include "plugins/opencl/op.h"

namespace weft::opencl {

namespace {

constexpr uint64_t kPanelLayout = 1;

bool is_weight(const NodeView& node) {
  return node.graph().is_constant(node.input(1)) && node.in(1).rank == 2;
}

bool packs(const NodeView& node, uint32_t i) { return i == 1 && is_weight(node); }

int64_t panels(int64_t n) { return (n + kPanel - 1) / kPanel; }

uint64_t packed_bytes(int64_t k, int64_t n) {
  return uint64_t(panels(n)) * uint64_t(k) * kPanel * sizeof(float);
}

void check_weight(const NodeView& node, const Limits& limits) {
  const weft_value& w = node.in(1);
  if (w.quant)
    throw Refusal{
        WEFT_REFUSE_QUANT,
        text("the weight is quantized to %s, the opencl kernel of MatMul takes f32 weights",
             common::dtype_name(w.quant->storage)),
        node.input(1)};
  if (w.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("the weight is %s, the opencl kernel of MatMul takes f32 weights",
                       common::dtype_name(w.dtype)),
                  node.input(1)};
  const int64_t k = w.dims[0].value, n = w.dims[1].value;
  const uint64_t bytes = packed_bytes(k, n);
  if (bytes > limits.allocation_bytes)
    throw Refusal{
        WEFT_REFUSE_LIMIT,
        text("a packed weight of %lld x %lld is more than one buffer of this device holds",
             static_cast<long long>(k), static_cast<long long>(n)),
        node.input(1),
        "CL_DEVICE_MAX_MEM_ALLOC_SIZE",
        int64_t(bytes),
        int64_t(limits.allocation_bytes)};
}

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
    check_weight(node, limits);
  } else {
    need_plain_f32(node, 1);
    for (uint32_t i : {0u, 1u}) {
      if (node.in(i).rank < 2)
        throw Refusal{WEFT_REFUSE_RANK, "a vector multiplied with an activation",
                      node.input(i),    {},
                      node.in(i).rank,  2};
      is_batched(node, i);
    }
  }
  check_tensors(limits, node);
}

// One panel of a weight; `step_k` and `step_n` are the strides of the stored elements.
void pack_panel(const float* from, int64_t k, int64_t step_k, int64_t columns, int64_t step_n,
                float* to) {
  for (int64_t c = 0; c < kPanel; c++)
    for (int64_t i = 0; i < k; i++)
      to[i * kPanel + c] = c < columns ? from[i * step_k + c * step_n] : 0.0f;
}

void pack(const weft_value& w, char* bytes) {
  const int64_t k = w.dims[0].value, n = w.dims[1].value;
  const bool rows = w.order == WEFT_ROW_MAJOR;
  const float* from = static_cast<const float*>(w.data);
  float* to = reinterpret_cast<float*>(bytes);
  for (int64_t p = 0; p < panels(n); p++) {
    const int64_t column = p * kPanel;
    pack_panel(from + column * (rows ? 1 : k), k, rows ? n : 1,
               std::min<int64_t>(kPanel, n - column), rows ? 1 : k, to + column * k);
  }
}

Run prepare_weight(Prepare& context) {
  const weft_value& value = context.node.in(1);
  const int64_t k = value.dims[0].value, n = value.dims[1].value;
  const Tensor w =
      context.constant(1, kPanelLayout, packed_bytes(k, n), [&](char* to) { pack(value, to); });
  const Tensor *x = context.in[0], *y = context.out[0];
  return [x, y, w, k, n, tiled = context.context.options.tiled, one = context.kernel("matmul_row"),
          many = context.kernel("matmul_rows")](Submission& commands) {
    const int64_t rows = n ? y->count / n : 0;
    const size_t columns = size_t(panels(n));
    if (rows == 0) return;
    if (rows == 1) {
      one.arguments(*x, w, *y, cl_int(k), cl_int(n));
      commands.launch(one, tiled
                               ? Grid{{columns * kPanel * kSlices, 1, 1}, {kPanel * kSlices, 1, 1}}
                               : Grid{{columns, 1, 1}, {2, 1, 1}});
      return;
    }
    many.arguments(*x, w, *y, cl_int(rows), cl_int(k), cl_int(n));
    const size_t across = kTile / 4, blocks = size_t((rows + kTile - 1) / kTile);
    commands.launch(many, tiled
                              ? Grid{{(size_t(n) + kTile - 1) / kTile * across, blocks * across, 1},
                                     {across, across, 1}}
                              : Grid{{columns, size_t((rows + kRows - 1) / kRows), 1}, {1, 4, 1}});
  };
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
  return is_weight(context.node) ? prepare_weight(context) : prepare_activations(context);
}

}  // namespace

extern const OpRow matmul_row = {check, prepare, packs};

}  // namespace weft::opencl
