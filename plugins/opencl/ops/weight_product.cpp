// Kernels of products with constants, and how their work is cut; see weight_product.h.
#include "plugins/opencl/ops/weight_product.h"

#include "plugins/opencl/weights.h"

namespace weft::opencl {

namespace {

constexpr int64_t kFewRows = 8;

// Rows at which the tuner measures; the first serves as many and fewer, the last all others.
constexpr int64_t kMeasuredRows[] = {64, 256};
// And columns: a vocabulary's are as good as its first.
constexpr int64_t kMeasuredColumns = 2048;

// Ways to cut many rows. Family cpu: rows of a work-item; fewer make more items, for a processor
// of many cores. Family gpu: a kernel each, and its block.
constexpr int64_t kRowsOfItem[] = {64, 32, 16};
struct Block {
  const char* kernel;
  int64_t rows, columns;
};
constexpr Block kBlocks[] = {
    {"matmul_block_64", 64, 64}, {"matmul_block_32", 32, 32}, {"matmul_block_128", 128, 64}};
constexpr size_t kVariants = std::size(kBlocks);
static_assert(kVariants == std::size(kRowsOfItem) && kRowsOfItem[0] == kChunk);

// How rows become int8 (kernels/tiled/matmul_dot.cl).
struct Dot {
  Kernel quantize, multiply;
  int64_t chunk;
};

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
size_t blocks_of(int64_t n, int64_t size) { return size_t((n + size - 1) / size); }

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
  Kernel one;
  std::vector<Kernel> many;  // by variant; of family cpu one kernel
  std::vector<Kernel> few;   // of up to 2, 4 and 8 rows; none in the family cpu
  std::unique_ptr<Dot> dot;
  size_t variants[std::size(kMeasuredRows)] = {};

  void run(Submission& commands) const {
    const int64_t rows = w.n ? y->count / w.n : 0;
    if (rows == 0) return;
    const bool quantized = dot && rows > kFewRows;
    if (quantized) quantize(commands, rows);
    for (const PackedWeight::Part& part : w.parts) {
      if (rows == 1) {
        run_one(commands, part);
      } else if (!few.empty() && rows <= kFewRows) {
        run_few(commands, part, rows);
      } else if (quantized) {
        run_dot(commands, part, rows);
      } else {
        run_many(commands, part, rows, variants[rows > kMeasuredRows[0]], *x, *y);
      }
    }
  }

  // `from` [rows, k] by a part, to its columns of `to` [rows, n].
  void run_many(Submission& commands, const PackedWeight::Part& part, int64_t rows, size_t variant,
                const Tensor& from, const Tensor& to) const {
    const cl_mem bytes = part.bytes->memory.get();
    if (few.empty()) {
      const int64_t chunk = kRowsOfItem[variant];
      many[0].arguments(from, bytes, to, part.form, cl_int(rows), cl_int(chunk));
      commands.launch(many[0], Grid{{size_t(part.panels), blocks_of(rows, chunk), 1}, {1, 1, 1}});
      return;
    }
    const Block& block = kBlocks[variant];
    constexpr size_t kSide = 16;  // SIDE of matmul_block.cl
    const size_t down = blocks_of(rows, block.rows);
    const size_t across = blocks_of(part.form.columns, block.columns);
    many[variant].arguments(from, bytes, to, part.form, cl_int(rows));
    commands.launch(many[variant], Grid{{across * kSide, down * kSide, 1}, {kSide, kSide, 1}});
  }

 private:
  void run_one(Submission& commands, const PackedWeight::Part& part) const {
    one.arguments(*x, part.bytes->memory.get(), *y, part.form, cl_int(1));
    constexpr size_t kItems = kPanel * kSlices;
    const size_t columns = size_t(part.panels);
    commands.launch(one, few.empty() ? Grid{{columns, 1, 1}, {2, 1, 1}}
                                     : Grid{{columns * kItems, 1, 1}, {kItems, 1, 1}});
  }

  void run_few(Submission& commands, const PackedWeight::Part& part, int64_t rows) const {
    const Kernel& kernel = few[rows <= 2 ? 0 : rows <= 4 ? 1 : 2];
    kernel.arguments(*x, part.bytes->memory.get(), *y, part.form, cl_int(rows));
    constexpr size_t kItems = kPanel * kSlices;
    commands.launch(kernel, Grid{{size_t(part.panels) * kItems, 1, 1}, {kItems, 1, 1}});
  }

  void quantize(Submission& commands, int64_t rows) const {
    dot->quantize.arguments(*x, *scratch, cl_int(w.k), cl_int(rows), cl_int(dot->chunk));
    const size_t chunks = blocks_of(w.k, dot->chunk);
    commands.launch(dot->quantize, Grid{{chunks, size_t(rows), 1}, {8, 4, 1}});
  }

  void run_dot(Submission& commands, const PackedWeight::Part& part, int64_t rows) const {
    constexpr size_t kSide = kTile / 4;
    const size_t down = blocks_of(rows, kTile), across = blocks_of(part.form.columns, kTile);
    dot->multiply.arguments(*scratch, part.bytes->memory.get(), *y, part.form, cl_int(rows),
                            cl_int(dot->chunk));
    commands.launch(dot->multiply, Grid{{across * kSide, down * kSide, 1}, {kSide, kSide, 1}});
  }
};

// The most rows of x in any run; INT64_MAX when their number has no bound.
int64_t most_rows(const Prepare& context, int64_t k) {
  const uint64_t most = most_bytes(context.node.graph(), context.node.in(0));
  if (most == UINT64_MAX || k == 0) return INT64_MAX;
  return int64_t(most / sizeof(float)) / k;
}

// Nothing where rows stay floats: by choice, for floats, or when their number has no bound.
std::unique_ptr<Dot> prepare_dot(Prepare& context, const PackedWeight& w, int64_t rows) {
  if (!context.context.options.dot || w.parts.empty()) return nullptr;
  const WeightForm& form = w.parts[0].form;
  if (form.form != cl_int(WeightKind::u4) && form.form != cl_int(WeightKind::u8)) return nullptr;
  if (rows == INT64_MAX) return nullptr;
  const int64_t chunk = chunk_of(form);
  const int64_t words = round_up(w.k, 8) / 4 + 2 * (round_up(w.k, chunk) / chunk);
  const uint64_t bytes = uint64_t(rows * words) * sizeof(cl_uint);
  if (bytes > context.context.facts.limits.allocation_bytes) return nullptr;
  context.scratch_bytes = std::max(context.scratch_bytes, bytes);
  return std::make_unique<Dot>(
      Dot{context.kernel("matmul_dot_rows"), context.kernel("matmul_dot"), chunk});
}

// Asks the tuner how the first part is cut, or the start of it; the rest is like it.
void choose_variants(Context& context, WeightProduct& product, int64_t most) {
  if (product.w.parts.empty() || product.w.k == 0 || most <= (product.few.empty() ? 1 : kFewRows))
    return;
  PackedWeight::Part part = product.w.parts[0];
  WeightForm& form = part.form;
  form.columns = std::min(form.columns, cl_int(kMeasuredColumns));
  part.panels = (form.columns + kPanel - 1) / kPanel;
  for (size_t i = 0; i < std::size(kMeasuredRows); i++) {
    const int64_t rows = std::min(kMeasuredRows[i], most);
    const std::string question =
        text("product form %d block %d k %d columns %d rows %lld", form.form, form.block, form.k,
             form.columns, static_cast<long long>(rows));
    ClMemory x, y;  // made when the question is new
    product.variants[i] =
        context.tuner().choose(question, kVariants, [&](size_t variant, Submission& commands) {
          if (!x) x = context.allocate(uint64_t(rows * product.w.k) * sizeof(float));
          if (!y) y = context.allocate(uint64_t(rows * product.w.n) * sizeof(float));
          Tensor from, to;
          from.memory = x.get(), to.memory = y.get();
          from.dtype = to.dtype = WEFT_F32;
          product.run_many(commands, part, rows, variant, from, to);
        });
  }
}

}  // namespace

Run prepare_weight_product(Prepare& context) {
  const plugin::GraphView& graph = context.node.graph();
  auto product = std::make_shared<WeightProduct>(WeightProduct{
      .x = context.in[0],
      .y = context.out[0],
      .scratch = &context.scratch,
      .w = pack_weight(context.context, graph, columns_of(graph, context.node.input(1))),
      .one = context.kernel("matmul_row"),
      .many = {},
      .few = {},
      .dot = {}});
  if (context.context.options.tiled) {
    for (const Block& block : kBlocks) product->many.push_back(context.kernel(block.kernel));
    for (const char* name : {"matmul_few_2", "matmul_few_4", "matmul_few_8"})
      product->few.push_back(context.kernel(name));
  } else {
    product->many.push_back(context.kernel("matmul_rows"));
  }
  const int64_t most = most_rows(context, product->w.k);
  product->dot = prepare_dot(context, product->w, most);
  if (!product->dot) choose_variants(context.context, *product, most);
  for (const PackedWeight::Part& part : product->w.parts) context.constants.push_back(part.bytes);
  return [product](Submission& commands) { product->run(commands); };
}

}  // namespace weft::opencl
