// RotaryEmbedding: turns pairs of elements of each head by an angle that grows with the position.
//
//   x         [B, H, S, D], or [B, S, H * D] with attribute num_heads = H     float
//   cos, sin  [P, R/2] with position_ids, else [B, S, R/2]                    like x
//   position_ids  [B, S]   i64 in [0, P); optional
//   y         like x
//
// R is attribute rotary_embedding_dim (0: D); elements from R on are copied. The pair (a, b) at
// place i becomes (a cos - b sin, a sin + b cos); it is elements (i, i + R/2), or (2i, 2i + 1) when
// `interleaved`. A batch of 1 in cos, sin or position_ids serves every batch. Su et al., "RoFormer:
// Enhanced Transformer with Rotary Position Embedding", 2021. ONNX operators: RotaryEmbedding-23.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

using sym::Truth;

// x's heads: H and D, from the shape or from num_heads.
struct Heads {
  Dim heads, size;
};

Result<Heads> heads_of(const Attrs& attrs, const Shape& x) {
  if (x.size() == 4) return Heads{x[1], x[3]};
  const int64_t heads = attrs.integer("num_heads", 0);
  if (x.size() != 3) return Error{"x is " + sym::str(x) + ", it has three or four dims"};
  if (heads <= 0) return Error{"x has three dims, so attribute num_heads is needed"};
  const auto size = divided(x[2], heads);
  if (!size) {
    return Error{"x ends in " + x[2].str() + ", which " + std::to_string(heads) +
                 " heads do not divide"};
  }
  return Heads{heads, *size};
}

Result<Dim> half_of(const Attrs& attrs, const Dim& head_size) {
  const int64_t stated = attrs.integer("rotary_embedding_dim", 0);
  if (stated < 0) return Error{"rotary_embedding_dim is " + std::to_string(stated)};
  const Dim turned = stated ? Dim(stated) : head_size;
  if (turned.is_constant() && head_size.is_constant() && turned.constant() > head_size.constant()) {
    return Error{"rotary_embedding_dim is " + turned.str() + ", a head has " + head_size.str()};
  }
  const auto half = divided(turned, 2);
  if (!half)
    return Error{"the rotated part of a head has " + turned.str() + " elements, which is odd"};
  return *half;
}

Status check_cache(const InferContext& context, size_t input, const std::string& name,
                   const Shape& expected) {
  TRY(expect(context, input, name, Elements::real));
  const Shape& cache = context.type(input).shape;
  bool fits = cache.size() == expected.size();
  for (size_t i = 0; fits && i < cache.size(); ++i) {
    const bool repeats = expected.size() == 3 && i == 0 && cache[i] == Dim(1);
    fits = repeats || equal(context.bounds, cache[i], expected[i]) != Truth::no;
  }
  if (fits) return {};
  return Error{name + " is " + sym::str(cache) + ", expected " + sym::str(expected)};
}

Result<Outputs> rotary_embedding_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  const Shape& x = context.type(0).shape;
  const Heads heads = TRY(heads_of(context.attrs, x));
  const Dim half = TRY(half_of(context.attrs, heads.size));
  const Dim sequence = x.size() == 4 ? x[2] : x[1];
  Shape cache{x[0], sequence, half};
  if (context.has(3)) {
    TRY(expect(context, 3, "position_ids", Elements::integer));
    const Shape& ids = context.type(3).shape;
    if (ids.size() != 2 || equal(context.bounds, ids[1], sequence) == Truth::no ||
        (ids[0] != Dim(1) && equal(context.bounds, ids[0], x[0]) == Truth::no)) {
      return Error{"position_ids is " + sym::str(ids) + ", expected " +
                   sym::str(Shape{x[0], sequence})};
    }
    if (context.type(1).shape.empty()) return Error{"cos is a scalar, expected [positions, R/2]"};
    cache = {context.type(1).shape[0], half};
  }
  TRY(check_cache(context, 1, "cos", cache));
  TRY(check_cache(context, 2, "sin", cache));
  return one(context.type(0));
}

// x as [B, S, H, D], whichever form it has.
Result<Array> split_heads(const Array& x, const Attrs& attrs) {
  if (x.rank() == 4) return permuted(x, std::vector<int64_t>{0, 2, 1, 3});
  const int64_t heads = attrs.integer("num_heads", 0);
  if (x.rank() != 3 || heads <= 0 || x.shape[2] % heads != 0) {
    return Error{"x is " + str(x.shape) + ", which " + std::to_string(heads) +
                 " heads do not divide"};
  }
  Array view = x;
  const int64_t size = x.shape[2] / heads;
  view.shape = {x.shape[0], x.shape[1], heads, size};
  view.strides = {x.strides[0], x.strides[1], size * x.strides[2], x.strides[2]};
  return view;
}

// The row of cos and sin for each (batch, position).
Result<std::vector<size_t>> cache_rows(const OpCall& call, int64_t batches, int64_t sequence) {
  const Array& cos = call.inputs[1];
  std::vector<size_t> rows;
  std::vector<int64_t> ids;
  if (call.has(3)) ids = load_ints(call.inputs[3]);
  const int64_t rows_given = call.has(3) ? int64_t(ids.size()) : cos.shape[0] * cos.shape[1];
  if (rows_given != sequence && rows_given != batches * sequence) {
    return Error{"there are " + std::to_string(rows_given) + " positions for " +
                 std::to_string(batches) + " batches of " + std::to_string(sequence)};
  }
  for (int64_t i = 0; i < batches * sequence; ++i) {
    const int64_t at = rows_given == sequence ? i % sequence : i;
    const int64_t row = call.has(3) ? ids[size_t(at)] : at;
    if (call.has(3) && (row < 0 || row >= cos.shape[0])) {
      return Error{"position " + std::to_string(row) + " is outside the " +
                   std::to_string(cos.shape[0]) + " rows of cos"};
    }
    rows.push_back(size_t(row));
  }
  return rows;
}

Status rotary_embedding_reference(const OpCall& call) {
  TRY(expect_shape(call.outputs[0], "y", call.inputs[0].shape));
  Tensor scratch;
  const Array x = TRY(split_heads(dense(call.inputs[0], scratch), call.attrs));
  const Array y = TRY(split_heads(call.outputs[0], call.attrs));
  const int64_t heads = x.shape[2], size = x.shape[3];
  const int64_t stated = call.attrs.integer("rotary_embedding_dim", 0);
  const int64_t half = (stated ? stated : size) / 2;
  const bool interleaved = call.attrs.integer("interleaved", 0) != 0;
  const Array& cos = call.inputs[1];
  if (half < 0 || 2 * half > size || cos.rank() != (call.has(3) ? 2 : 3) ||
      cos.shape.back() != half) {
    return Error{"cos is " + str(cos.shape) + ", which does not fit heads of " +
                 std::to_string(size)};
  }
  TRY(expect_shape(call.inputs[2], "sin", cos.shape));
  const auto c = load_all(cos), s = load_all(call.inputs[2]);
  const auto rows = TRY(cache_rows(call, x.shape[0], x.shape[1]));
  auto values = load_all(x);
  for (size_t at = 0; at < rows.size(); ++at) {
    for (int64_t h = 0; h < heads; ++h) {
      double* head = values.data() + (int64_t(at) * heads + h) * size;
      for (int64_t i = 0; i < half; ++i) {
        double& first = head[interleaved ? 2 * i : i];
        double& second = head[interleaved ? 2 * i + 1 : i + half];
        const size_t angle = rows[at] * size_t(half) + size_t(i);
        const double a = first, b = second;
        first = a * c[angle] - b * s[angle];
        second = a * s[angle] + b * c[angle];
      }
    }
  }
  store_all(y, values);
  return {};
}

}  // namespace

extern const OpDef RotaryEmbedding_def = {
    "RotaryEmbedding", "", 23, 3, 4, 1, 1, rotary_embedding_infer, rotary_embedding_reference};

}  // namespace weft::ops
