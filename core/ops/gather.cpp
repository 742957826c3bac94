// Gather: y = slices of x along `axis`, at `indices`.
//
//   x        [A..., n, B...]   any type
//   indices  [I...]            i32 or i64 in [-n, n); a negative one counts from the end
//   y        [A..., I..., B...]
//
// x may be a quantized or column-major constant (an embedding table): with axis 0 only the rows
// asked for are decoded. ONNX operators, opset 25: Gather-13.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

// y's part for one index: I... fixed at row-major position `at`, the other axes kept.
Array destination(const Array& y, const Array& indices, int64_t axis, int64_t at) {
  Array view = y;
  const auto first = view.shape.begin() + axis;
  const int64_t rank = indices.rank();
  int64_t offset = 0;
  for (int64_t i = rank; i-- > 0;) {
    offset += at % indices.shape[size_t(i)] * y.strides[size_t(axis + i)];
    at /= indices.shape[size_t(i)];
  }
  view.shape.erase(first, first + rank);
  view.strides.erase(view.strides.begin() + axis, view.strides.begin() + axis + rank);
  if (view.count() > 0) view.data += offset * (ir::bits(y.dtype) / 8);
  return view;
}

Status gather_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &indices = call.inputs[1], &y = call.outputs[0];
  const int64_t axis = TRY(normalize_axis(call.attrs.integer("axis", 0), x.rank()));
  std::vector<int64_t> shape = x.shape;
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, indices.shape.begin(), indices.shape.end());
  TRY(expect_shape(y, "y", shape));
  const int64_t n = x.shape[size_t(axis)];
  const bool by_line = x.quantization && axis == 0;
  Tensor scratch;
  const Array source = by_line ? x : dense(x, scratch);
  const auto wanted = load_ints(indices);
  std::vector<double> line(by_line ? size_t(x.shape[1]) : 0);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const int64_t index = wanted[i] < 0 ? wanted[i] + n : wanted[i];
    if (index < 0 || index >= n) {
      return Error{"index " + std::to_string(wanted[i]) + " is outside an axis of " +
                   std::to_string(n)};
    }
    const Array to = destination(y, indices, axis, int64_t(i));
    if (by_line) {
      load_line(x, index, false, line);
      store_all(to, line);
    } else {
      Array from = narrowed(source, axis, index, 1);
      from.shape.erase(from.shape.begin() + axis);
      from.strides.erase(from.strides.begin() + axis);
      copy_elements(from, to);
    }
  }
  return {};
}

Result<Outputs> gather_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  TRY(expect(context, 1, "indices", Elements::integer));
  const Type& x = context.type(0);
  const int64_t axis =
      TRY(normalize_axis(context.attrs.integer("axis", 0), int64_t(x.shape.size())));
  const Shape& indices = context.type(1).shape;
  Type y = x;
  y.shape.erase(y.shape.begin() + axis);
  y.shape.insert(y.shape.begin() + axis, indices.begin(), indices.end());
  auto contents = moved_contents(context, gather_reference, 1, {y});
  return one(std::move(y), std::move(contents));
}

}  // namespace

extern const OpDef Gather_def = {"Gather", "", 13, 2, 2, 1, 1, gather_infer, gather_reference};

}  // namespace weft::ops
