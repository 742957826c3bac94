// Gemm: y = alpha * a' b' + beta * c, with a' = a or its transpose (transA), b' likewise (transB).
//
//   a'  [M, K]   float or integer
//   b'  [K, N]   like a; may be a quantized or column-major constant
//   c   optional, broadcasts to [M, N]
//   y   [M, N]
//
// ONNX operators, opset 25: Gemm-13.
#include "core/ops/broadcast.h"
#include "core/ops/matrix.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<Outputs> gemm_infer(const InferContext& context) {
  TRY(expect(context, 0, "a", Elements::number));
  TRY(expect_same(context, 0, 1));
  TRY(expect_same(context, 0, 2));
  Shape a = context.type(0).shape, b = context.type(1).shape;
  if (a.size() != 2 || b.size() != 2) {
    return Error{"a is " + sym::str(a) + " and b " + sym::str(b) + "; matrices are needed"};
  }
  if (context.attrs.integer("transA", 0)) std::swap(a[0], a[1]);
  if (context.attrs.integer("transB", 0)) std::swap(b[0], b[1]);
  if (equal(context.bounds, a[1], b[0]) == sym::Truth::no) {
    return Error{"the inner dims are " + a[1].str() + " and " + b[0].str() +
                 "; they must be equal"};
  }
  const Shape shape{a[0], b[1]};
  if (context.has(2)) {
    const Shape& c = context.type(2).shape;
    const Shape both = TRY(broadcast(context.bounds, shape, c), "c");
    bool grows = c.size() > 2;
    for (size_t i = 0; !grows && i < 2; ++i) {
      grows = equal(context.bounds, both[i], shape[i]) == sym::Truth::no;
    }
    if (grows)
      return Error{"c is " + sym::str(c) + ", it does not broadcast to " + sym::str(shape)};
  }
  return one({context.type(0).dtype, shape});
}

// A quantized b is turned by telling its storage the other way round.
Array transposed(const Array& array) {
  Array view = array;
  std::swap(view.shape[0], view.shape[1]);
  std::swap(view.strides[0], view.strides[1]);
  view.column_major = !array.column_major;
  return view;
}

Status gemm_reference(const OpCall& call) {
  if (call.inputs[0].rank() != 2 || call.inputs[1].rank() != 2) return Error{"a matrix is needed"};
  const Array a = call.attrs.integer("transA", 0) ? transposed(call.inputs[0]) : call.inputs[0];
  const Array b = call.attrs.integer("transB", 0) ? transposed(call.inputs[1]) : call.inputs[1];
  const Array& y = call.outputs[0];
  if (a.shape[1] != b.shape[0]) {
    return Error{"a is " + str(a.shape) + " and b " + str(b.shape) + ", which do not multiply"};
  }
  const int64_t m = a.shape[0], n = b.shape[1];
  TRY(expect_shape(y, "y", std::vector<int64_t>{m, n}));
  const Tensor product = Tensor::zeros(DType::f64, {m, n});
  multiply(load_all(a), m, b, product.view());
  auto values = load_all(product.view());
  const double alpha = call.attrs.real("alpha", 1), beta = call.attrs.real("beta", 1);
  std::vector<double> c(values.size(), 0);
  if (call.has(2)) c = TRY(load_broadcast(call.inputs[2], y.shape), "c");
  for (size_t i = 0; i < values.size(); ++i) values[i] = alpha * values[i] + beta * c[i];
  store_all(y, values);
  return {};
}

}  // namespace

extern const OpDef Gemm_def = {"Gemm", "", 13, 2, 3, 1, 1, gemm_infer, gemm_reference};

}  // namespace weft::ops
