// Shape: the dims of x as a tensor. Size: their product.
//
//   x            [...]   any type; its elements are not read
//   Shape        i64 [k]  dims [start, end) of x; negative counts from the end, both clamped
//   Size         i64 []
//
// Their contents are the expressions themselves: this is where symbols enter shape arithmetic.
// ONNX operators, opset 25: Shape-25, Size-25.
#include <algorithm>

#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

struct Part {
  int64_t first = 0, last = 0;
};

Part part_of(const Attrs& attrs, int64_t rank) {
  const auto place = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t first = place(attrs.integer("start", 0));
  return {first, std::max(first, place(attrs.integer("end", rank)))};
}

Result<Outputs> shape_infer(const InferContext& context) {
  const Shape& dims = context.type(0).shape;
  const Part part = part_of(context.attrs, int64_t(dims.size()));
  std::vector<Dim> taken(dims.begin() + part.first, dims.begin() + part.last);
  const Dim count(int64_t(taken.size()));
  return one({DType::i64, {count}}, std::move(taken));
}

Status shape_reference(const OpCall& call) {
  const Array& x = call.inputs[0];
  const Part part = part_of(call.attrs, x.rank());
  const std::vector<int64_t> dims(x.shape.begin() + part.first, x.shape.begin() + part.last);
  const int64_t count = part.last - part.first;
  TRY(expect_shape(call.outputs[0], "y", std::span(&count, 1)));
  store_ints(call.outputs[0], dims);
  return {};
}

Result<Outputs> size_infer(const InferContext& context) {
  return one({DType::i64, {}}, std::vector<Dim>{sym::product(context.type(0).shape)});
}

Status size_reference(const OpCall& call) {
  TRY(expect_shape(call.outputs[0], "y", {}));
  store_int(call.outputs[0], 0, call.inputs[0].count());
  return {};
}

}  // namespace

extern const OpDef Shape_def = {"Shape", "", 25, 1, 1, 1, 1, shape_infer, shape_reference};
extern const OpDef Size_def = {"Size", "", 25, 1, 1, 1, 1, size_infer, size_reference};

}  // namespace weft::ops
