// ScatterND: a copy of x in which the pieces that `indices` name are replaced or combined.
//
//   x        [d_0, ..., d_r-1]               any type
//   indices  [..., k], k from 1 to r         i32 or i64; a negative one counts from the end
//   updates  [..., d_k, ..., d_r-1]          like x, the leading dims as those of indices
//   y        like x
//
// reduction: none (the last one written stays), add, mul, max, min. ONNX operators, opset 25:
// ScatterND-18.
#include <algorithm>

#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> scatter_nd_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  TRY(expect(context, 1, "indices", Elements::integer));
  TRY(expect_same(context, 0, 2));
  const Shape &x = context.type(0).shape, &indices = context.type(1).shape;
  const Shape& updates = context.type(2).shape;
  const int64_t rank = int64_t(x.size());
  if (indices.empty() || !indices.back().is_constant() || indices.back().constant() < 1 ||
      indices.back().constant() > rank) {
    return Error{"indices are " + sym::str(indices) + "; their last dim must be from 1 to the " +
                 std::to_string(rank) + " dims of x"};
  }
  const int64_t depth = indices.back().constant();
  Shape wanted(indices.begin(), indices.end() - 1);
  wanted.insert(wanted.end(), x.begin() + depth, x.end());
  bool fits = wanted.size() == updates.size();
  for (size_t i = 0; fits && i < wanted.size(); ++i) {
    fits = equal(context.bounds, wanted[i], updates[i]) != sym::Truth::no;
  }
  if (!fits) {
    return Error{"updates are " + sym::str(updates) + ", indices " + sym::str(indices) +
                 " ask for " + sym::str(wanted)};
  }
  const std::string how = context.attrs.text("reduction", "none");
  constexpr const char* kKnown[] = {"none", "add", "mul", "max", "min"};
  if (std::find(std::begin(kKnown), std::end(kKnown), how) == std::end(kKnown))
    return Error{"attribute reduction is '" + how + "'; none, add, mul, max or min are known"};
  return one(context.type(0));
}

template <typename Number>
Number combined(const std::string& how, Number old, Number update) {
  if (how == "add") return Number(old + update);
  if (how == "mul") return Number(old * update);
  if (how == "max") return std::max(old, update);
  if (how == "min") return std::min(old, update);
  return update;
}

// Where in x, row-major, the piece begins that `index` names.
Result<int64_t> piece_start(const Array& x, std::span<const int64_t> index) {
  const auto strides = row_major(x.shape);
  int64_t start = 0;
  for (size_t d = 0; d < index.size(); ++d) {
    const int64_t n = x.shape[d], at = index[d] < 0 ? index[d] + n : index[d];
    if (at < 0 || at >= n) {
      return Error{"index " + std::to_string(index[d]) + " is outside an axis of " +
                   std::to_string(n)};
    }
    start += at * strides[d];
  }
  return start;
}

Status scatter_nd_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &updates = call.inputs[2], &y = call.outputs[0];
  const std::vector<int64_t>& shape = call.inputs[1].shape;
  TRY(expect_shape(y, "y", x.shape));
  if (shape.empty() || shape.back() < 1 || shape.back() > x.rank())
    return Error{"indices are " + str(shape) + ", x is " + str(x.shape)};
  const int64_t depth = shape.back();
  std::vector<int64_t> wanted(shape.begin(), shape.end() - 1);
  wanted.insert(wanted.end(), x.shape.begin() + depth, x.shape.end());
  TRY(expect_shape(updates, "updates", wanted));
  copy_elements(x, y);
  const auto indices = load_ints(call.inputs[1]);
  const int64_t pieces = int64_t(indices.size()) / depth;
  const int64_t size = pieces ? updates.count() / pieces : 0;
  const std::string how = call.attrs.text("reduction", "none");
  const bool real = ir::is_float(x.dtype);
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const std::span index(indices.data() + piece * depth, size_t(depth));
    const int64_t start = TRY(piece_start(x, index));
    for (int64_t i = 0; i < size; ++i) {
      const int64_t from = piece * size + i, to = start + i;
      if (real) {
        store(y, to, combined(how, load(y, to), load(updates, from)));
      } else {
        // Unsigned: sums and products wrap.
        const bool wraps = how == "add" || how == "mul";
        const int64_t old = load_int(y, to), update = load_int(updates, from);
        store_int(y, to,
                  wraps ? int64_t(combined(how, uint64_t(old), uint64_t(update)))
                        : combined(how, old, update));
      }
    }
  }
  return {};
}

}  // namespace

extern const OpDef ScatterND_def = {"ScatterND",         "", 18, 3, 3, 1, 1, scatter_nd_infer,
                                    scatter_nd_reference};

}  // namespace weft::ops
