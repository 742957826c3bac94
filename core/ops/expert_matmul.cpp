// ExpertMatMul (domain weft): the product of each row with the matrix of its own expert.
//
//   x        [B..., k or 1, K]   float: one row per expert of a place, or one that all of them read
//   weights  [E, K, N]           like x; [E, N, K] with attribute transposed = 1
//   experts  [B..., k]           i32 or i64, from 0 to E - 1; a negative one counts from the end
//   bias     [E, N]              optional, like x
//   y        [B..., k, N]        y[b, j] = x[b, j] weights[experts[b, j]] + bias[experts[b, j]]
//
// It says what MatMul(x, Gather(weights, experts)) says, and no backend has to gather: a matrix may
// be larger than all activations. The rest of a mixture of experts (the router's TopK, activations,
// weighting, the sum over k) is ordinary ops. A quantized constant of weights has a line of blocks
// per row of its storage, [E * K][N] or [E * N][K].
//
// Shazeer et al., "Outrageously Large Neural Networks", 2017; as an op of its own: ggml's
// mul_mat_id.
#include "core/ops/matrix.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

constexpr size_t kX = 0, kWeights = 1, kExperts = 2, kBias = 3;

bool is_transposed(const Attrs& attrs) { return attrs.integer("transposed", 0) != 0; }

Error not_fitting(const InferContext& context) {
  return Error{"x is " + sym::str(context.type(kX).shape) + ", the weights " +
               sym::str(context.type(kWeights).shape) + " and the experts " +
               sym::str(context.type(kExperts).shape) +
               "; [B..., k or 1, K], [E, K, N] and [B..., k] belong together"};
}

Result<Outputs> expert_matmul_infer(const InferContext& context) {
  TRY(expect(context, kX, "x", Elements::real));
  TRY(expect_same(context, kX, kWeights));
  TRY(expect(context, kExperts, "the experts", Elements::integer));
  TRY(expect_same(context, kX, kBias));
  const Shape &x = context.type(kX).shape, &weights = context.type(kWeights).shape;
  const Shape& experts = context.type(kExperts).shape;
  if (weights.size() != 3 || experts.empty() || x.size() != experts.size() + 1)
    return not_fitting(context);
  const bool transposed = is_transposed(context.attrs);
  const Dim &k = weights[transposed ? 2 : 1], &n = weights[transposed ? 1 : 2];
  const auto differ = [&](const Dim& a, const Dim& b) {
    return equal(context.bounds, a, b) == sym::Truth::no;
  };
  bool fits = !differ(x.back(), k);
  for (size_t d = 0; d < experts.size(); ++d) {
    const bool shared = d + 1 == experts.size() && x[d] == Dim(1);
    fits = fits && (shared || !differ(x[d], experts[d]));
  }
  if (!fits) return not_fitting(context);
  if (context.has(kBias)) {
    const Shape& bias = context.type(kBias).shape;
    if (bias.size() != 2 || differ(bias[0], weights[0]) || differ(bias[1], n)) {
      return Error{"the bias is " + sym::str(bias) + ", expected [" + weights[0].str() + ", " +
                   n.str() + "]"};
    }
  }
  Shape y = experts;
  y.push_back(n);
  return one({context.type(kX).dtype, std::move(y)});
}

// The matrix [K, N] of one expert; `codes` holds what a quantized one refers to.
Array matrix_of(const Array& weights, int64_t expert, bool transposed, ArrayQuantization& codes) {
  const int64_t rows = weights.shape[1], columns = weights.shape[2];
  Array matrix;
  matrix.dtype = weights.dtype;
  matrix.shape = {rows, columns};
  matrix.strides = {weights.strides[1], weights.strides[2]};
  int64_t first = expert * weights.strides[0];
  if (weights.quantization) {
    codes = *weights.quantization;
    const int64_t block = codes.block > 0 ? codes.block : std::max<int64_t>(columns, 1);
    const int64_t blocks = (columns + block - 1) / block, before = expert * rows * blocks;
    codes.scale += before;
    if (codes.zero_f32) codes.zero_f32 += before;
    if (codes.zero_u8) codes.zero_u8 += before;
    matrix.quantization = &codes;
    matrix.data = weights.data + ir::size_bytes(codes.storage, before * block);
  } else {
    matrix.data = weights.data + ir::size_bytes(weights.dtype, first);
  }
  if (transposed) {
    std::swap(matrix.shape[0], matrix.shape[1]);
    std::swap(matrix.strides[0], matrix.strides[1]);
    matrix.column_major = matrix.quantization != nullptr;
  }
  return matrix;
}

// The rows of each expert, after checks that everything fits.
Result<std::vector<std::vector<int64_t>>> rows_by_expert(const OpCall& call, int64_t n) {
  const Array &x = call.inputs[kX], &experts = call.inputs[kExperts];
  const int64_t count = call.inputs[kWeights].shape[0];
  std::vector<int64_t> wanted = experts.shape;
  wanted.push_back(n);
  TRY(expect_shape(call.outputs[0], "y", wanted));
  wanted.back() = call.inputs[kWeights].shape[is_transposed(call.attrs) ? 2 : 1];
  if (x.rank() == int64_t(wanted.size()) && x.shape[wanted.size() - 2] == 1)
    wanted[wanted.size() - 2] = 1;
  TRY(expect_shape(x, "x", wanted));
  if (call.has(kBias)) TRY(expect_shape(call.inputs[kBias], "bias", std::vector{count, n}));
  std::vector<std::vector<int64_t>> rows(static_cast<size_t>(count));
  const auto chosen = load_ints(experts);
  for (size_t row = 0; row < chosen.size(); ++row) {
    const int64_t expert = chosen[row] < 0 ? chosen[row] + count : chosen[row];
    if (expert < 0 || expert >= count) {
      return Error{"expert " + std::to_string(chosen[row]) + " is none of the " +
                   std::to_string(count)};
    }
    rows[size_t(expert)].push_back(int64_t(row));
  }
  return rows;
}

Status expert_matmul_reference(const OpCall& call) {
  const Array &weights = call.inputs[kWeights], &y = call.outputs[0];
  if (weights.rank() != 3 || call.inputs[kExperts].rank() < 1)
    return Error{"the weights are " + str(weights.shape)};
  const bool transposed = is_transposed(call.attrs);
  const int64_t depth = weights.shape[transposed ? 2 : 1], n = weights.shape[transposed ? 1 : 2];
  const auto rows = TRY(rows_by_expert(call, n));
  const auto x = load_all(call.inputs[kX]);
  // Rows of y to one row of x: k where all experts of a place read the same.
  const int64_t sharing =
      depth && !x.empty() ? y.count() / std::max<int64_t>(n, 1) / (int64_t(x.size()) / depth) : 1;
  for (size_t expert = 0; expert < rows.size(); ++expert) {
    const int64_t m = int64_t(rows[expert].size());
    if (m == 0 || n == 0) continue;
    std::vector<double> mine;
    for (const int64_t row : rows[expert]) {
      const auto first = x.begin() + row / std::max<int64_t>(sharing, 1) * depth;
      mine.insert(mine.end(), first, first + depth);
    }
    ArrayQuantization codes;
    const Tensor product = Tensor::zeros(DType::f64, {m, n});
    multiply(mine, m, matrix_of(weights, int64_t(expert), transposed, codes), product.view());
    for (int64_t i = 0; i < m * n; ++i) {
      double value = load(product.view(), i);
      if (call.has(kBias)) value += load(call.inputs[kBias], int64_t(expert) * n + i % n);
      store(y, rows[expert][size_t(i / n)] * n + i % n, value);
    }
  }
  return {};
}

}  // namespace

extern const OpDef ExpertMatMul_def = {
    "ExpertMatMul", "weft", 1, 3, 4, 1, 1, expert_matmul_infer, expert_matmul_reference};

}  // namespace weft::ops
