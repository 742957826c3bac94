// MatMul: x [..., K] by a constant [K, N], packed once (weights.h), or by another activation.
//
// Which kernel multiplies with a constant follows from the rows of x:
//
//   family cpu   1: matmul_row        more: matmul_rows; the bits of a row are the same in both
//   family gpu   1: matmul_row        2 to 8: matmul_few_*, the same bits
//                more: matmul_rows, which sums in another order; or, of codes with dot=1,
//                matmul_dot, whose rows are int8
#include "plugins/opencl/op.h"
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

constexpr int64_t kFewRows = 8;

// How rows become int8 (kernels/tiled/matmul_dot.cl).
struct Dot {
  Kernel quantize, multiply;
  int64_t chunk;
};

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// The longest chunk that no block crosses.
int64_t chunk_of(const WeightForm& form) {
  for (int64_t chunk : {32, 16})
    if (form.block >= form.k || form.block % chunk == 0) return chunk;
  return 8;
}

// The product with a constant, part by part.
struct WeightProduct {
  const Tensor *x, *y;
  const Tensor* scratch;
  PackedWeight w;
  Kernel one, many;
  std::vector<Kernel> few;  // of up to 2, 4 and 8 rows; none in the family cpu
  std::unique_ptr<Dot> dot;

  void run(Submission& commands) const {
    const int64_t rows = w.n ? y->count / w.n : 0;
    if (rows == 0) return;
    const bool quantized = dot && rows > kFewRows;
    if (quantized) quantize(commands, rows);
    for (const PackedWeight::Part& part : w.parts) {
      if (few.empty()) {
        run_vector(commands, part, rows);
      } else if (rows <= kFewRows) {
        run_few(commands, part, rows);
      } else {
        run_tiles(commands, part, rows, quantized);
      }
    }
  }

 private:
  void run_vector(Submission& commands, const PackedWeight::Part& part, int64_t rows) const {
    const cl_mem bytes = part.bytes->memory.get();
    const size_t columns = size_t(part.panels);
    const Kernel& kernel = rows == 1 ? one : many;
    kernel.arguments(*x, bytes, *y, part.form, cl_int(rows));
    if (rows == 1) {
      commands.launch(kernel, Grid{{columns, 1, 1}, {2, 1, 1}});
    } else {
      commands.launch(kernel, Grid{{columns, size_t((rows + kChunk - 1) / kChunk), 1}, {1, 1, 1}});
    }
  }

  void run_few(Submission& commands, const PackedWeight::Part& part, int64_t rows) const {
    const Kernel& kernel = rows == 1 ? one : few[rows <= 2 ? 0 : rows <= 4 ? 1 : 2];
    kernel.arguments(*x, part.bytes->memory.get(), *y, part.form, cl_int(rows));
    constexpr size_t kItems = kPanel * kSlices;
    commands.launch(kernel, Grid{{size_t(part.panels) * kItems, 1, 1}, {kItems, 1, 1}});
  }

  void quantize(Submission& commands, int64_t rows) const {
    dot->quantize.arguments(*x, *scratch, cl_int(w.k), cl_int(rows), cl_int(dot->chunk));
    const size_t chunks = size_t(round_up(w.k, dot->chunk) / dot->chunk);
    commands.launch(dot->quantize, Grid{{chunks, size_t(rows), 1}, {8, 4, 1}});
  }

  void run_tiles(Submission& commands, const PackedWeight::Part& part, int64_t rows,
                 bool quantized) const {
    const cl_mem bytes = part.bytes->memory.get();
    const size_t side = kTile / 4, blocks = size_t(round_up(rows, kTile) / kTile);
    const size_t across = size_t(round_up(part.form.columns, kTile) / kTile);
    const Grid grid = {{across * side, blocks * side, 1}, {side, side, 1}};
    if (quantized) {
      dot->multiply.arguments(*scratch, bytes, *y, part.form, cl_int(rows), cl_int(dot->chunk));
      return commands.launch(dot->multiply, grid);
    }
    many.arguments(*x, bytes, *y, part.form, cl_int(rows));
    commands.launch(many, grid);
  }
};

// Nothing where rows stay floats: by choice, for floats, or when their number has no bound.
std::unique_ptr<Dot> prepare_dot(Prepare& context, const PackedWeight& w) {
  if (!context.context.options.dot || w.parts.empty()) return nullptr;
  const WeightForm& form = w.parts[0].form;
  if (form.form != cl_int(WeightKind::u4) && form.form != cl_int(WeightKind::u8)) return nullptr;
  const uint64_t most = most_bytes(context.node.graph(), context.node.in(0));
  if (most == UINT64_MAX || w.k == 0) return nullptr;
  const int64_t rows = int64_t(most / sizeof(float)) / w.k, chunk = chunk_of(form);
  const int64_t words = round_up(w.k, 8) / 4 + 2 * (round_up(w.k, chunk) / chunk);
  const uint64_t bytes = uint64_t(rows * words) * sizeof(cl_uint);
  if (bytes > context.context.facts.limits.allocation_bytes) return nullptr;
  context.scratch_bytes = std::max(context.scratch_bytes, bytes);
  return std::make_unique<Dot>(
      Dot{context.kernel("matmul_dot_rows"), context.kernel("matmul_dot"), chunk});
}

Run prepare_weight(Prepare& context) {
  const plugin::GraphView& graph = context.node.graph();
  auto product = std::make_shared<WeightProduct>(
      WeightProduct{context.in[0],
                    context.out[0],
                    &context.scratch,
                    pack_weight(context.context, graph, columns_of(graph, context.node.input(1))),
                    context.kernel("matmul_row"),
                    context.kernel("matmul_rows"),
                    {},
                    {}});
  if (context.context.options.tiled)
    for (const char* name : {"matmul_few_2", "matmul_few_4", "matmul_few_8"})
      product->few.push_back(context.kernel(name));
  product->dot = prepare_dot(context, product->w);
  for (const PackedWeight::Part& part : product->w.parts) context.constants.push_back(part.bytes);
  return [product](Submission& commands) { product->run(commands); };
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
