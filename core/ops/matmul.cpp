// MatMul: y = a b, matrices in the last two dims, the others broadcast as in numpy.
//
//   a  [B..., M, K]   float or integer; rank 1 is a row [K]
//   b  [B..., K, N]   like a; rank 1 is a column [K]
//   y  [B..., M, N]   without M or N where a or b has rank 1
//
// Either may be a quantized or column-major constant of rank 2 (linears). Each line of b is decoded
// once, into double, and used for all rows of a: a model's weights are read once, however many
// tokens. Products are summed in double. ONNX operators, opset 25: MatMul-13.
#include <algorithm>
#include <cstdlib>

#include "core/ops/broadcast.h"
#include "core/ops/matrix.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

// An array seen as matrices: rank 1 becomes a row or a column.
Array as_matrix(const Array& array, bool row) {
  Array view = array;
  if (view.rank() == 1) {
    view.shape.insert(row ? view.shape.begin() : view.shape.end(), 1);
    view.strides.insert(row ? view.strides.begin() : view.strides.end(), 0);
  }
  return view;
}

// The matrix at row-major position `batch` of the dims before the last two.
Array matrix_at(const Array& array, int64_t batch) {
  if (array.rank() == 2) return array;
  Array view = array;
  int64_t offset = 0;
  for (size_t i = array.shape.size() - 2; i-- > 0;) {
    offset += batch % array.shape[i] * array.strides[i];
    batch /= array.shape[i];
  }
  view.shape.erase(view.shape.begin(), view.shape.end() - 2);
  view.strides.erase(view.strides.begin(), view.strides.end() - 2);
  view.data += offset * (ir::bits(array.dtype) / 8);
  return view;
}

// `array` with its leading dims broadcast to `batch`, its matrix dims as they are.
Result<Array> with_batch(const Array& array, const std::vector<int64_t>& batch) {
  if (batch.empty()) return array;
  std::vector<int64_t> shape = batch;
  shape.insert(shape.end(), array.shape.end() - 2, array.shape.end());
  return broadcast_to(array, shape);
}

void multiply_rows(const Array& a, int64_t m, const Array& b, const Array& y) {
  if (ir::is_float(a.dtype)) {
    multiply(load_all(a), m, b, y);
  } else {
    multiply(load_ints(a), m, b, y);
  }
}

Status matmul_reference(const OpCall& call) {
  if (call.inputs[0].rank() == 0 || call.inputs[1].rank() == 0)
    return Error{"an input is a scalar"};
  Tensor decoded_a, decoded_b;
  Array a = as_matrix(call.inputs[0], true), b = as_matrix(call.inputs[1], false);
  Array y = call.outputs[0];
  if (call.inputs[1].rank() == 1) {
    y.shape.push_back(1);
    y.strides.push_back(0);
  }
  if (call.inputs[0].rank() == 1) {
    if (y.rank() < 1) return Error{"y is a scalar where a matrix product is not"};
    y.shape.insert(y.shape.end() - 1, 1);
    y.strides.insert(y.strides.end() - 1, 0);
  }
  if (y.rank() < 2) return Error{"y is " + str(call.outputs[0].shape) + ", it has too few dims"};
  const int64_t m = a.shape[size_t(a.rank() - 2)], k = a.shape.back(), n = b.shape.back();
  if (b.shape[size_t(b.rank() - 2)] != k || y.shape[size_t(y.rank() - 2)] != m ||
      y.shape.back() != n) {
    return Error{"a is " + str(call.inputs[0].shape) + ", b " + str(call.inputs[1].shape) +
                 " and y " + str(call.outputs[0].shape) + ", which do not multiply"};
  }
  if (y.count() == 0) return {};
  const std::vector<int64_t> batch(y.shape.begin(), y.shape.end() - 2);
  // Rows of all batches share one pass over an unbatched weight.
  if (b.rank() == 2 && a.rank() >= 2 && !a.quantization && a.rank() == y.rank()) {
    TRY(with_batch(a, batch));
    multiply_rows(a, y.count() / n, b, y);
    return {};
  }
  a = TRY(with_batch(dense(a, decoded_a), batch), "a");
  if (!batch.empty()) b = TRY(with_batch(dense(b, decoded_b), batch), "b");
  const int64_t batches = y.count() / (m * n);
  for (int64_t i = 0; i < batches; ++i) {
    multiply_rows(matrix_at(a, i), m, matrix_at(b, i), matrix_at(y, i));
  }
  return {};
}

Result<Outputs> matmul_infer(const InferContext& context) {
  TRY(expect(context, 0, "a", Elements::number));
  TRY(expect_same(context, 0, 1));
  Shape a = context.type(0).shape, b = context.type(1).shape;
  if (a.empty() || b.empty()) return Error{"an input is a scalar; vectors or matrices are needed"};
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  const Dim& k = b[b.size() - 2];
  if (equal(context.bounds, a.back(), k) == sym::Truth::no) {
    return Error{"a is " + sym::str(context.type(0).shape) + " and b " +
                 sym::str(context.type(1).shape) + ": a ends in " + a.back().str() + ", b has " +
                 k.str() + " rows"};
  }
  Shape shape =
      TRY(broadcast(context.bounds, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2)));
  if (!row) shape.push_back(a[a.size() - 2]);
  if (!column) shape.push_back(b.back());
  return one({context.type(0).dtype, std::move(shape)});
}

}  // namespace

extern const OpDef MatMul_def = {"MatMul",         "",          13, 2, 2, 1, 1, matmul_infer,
                                 matmul_reference, RowWise::yes};

}  // namespace weft::ops
