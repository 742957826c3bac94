// Expand: x broadcast with a shape, both ways. Tile: x repeated along each axis.
//
//   x        [...]   any type
//   shape    [r]     i64: y is broadcast(x, shape)
//   repeats  [rank]  i64: axis i of y is d_i * repeats_i
//
// ONNX operators, opset 25: Expand-13, Tile-13.
#include "core/ops/broadcast.h"
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Status expand_reference(const OpCall& call) {
  Tensor scratch;
  const Array x = dense(call.inputs[0], scratch);
  copy_elements(TRY(broadcast_to(x, call.outputs[0].shape)), call.outputs[0]);
  return {};
}

Status no_negative(const std::vector<Dim>& dims, const std::string& name) {
  for (const Dim& dim : dims) {
    if (dim.is_constant() && dim.constant() < 0) return Error{name + " contains " + dim.str()};
  }
  return {};
}

Result<Outputs> expand_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  const Shape target = TRY(known_ints(context, 1, "shape"));
  TRY(no_negative(target, "shape"));
  Type y{x.dtype, TRY(broadcast(context.bounds, x.shape, target))};
  // The target is a shape already known: only x's elements move.
  const InferContext only_x{context.inputs.first(1), 1, context.attrs, context.bounds};
  auto contents = moved_contents(only_x, expand_reference, 1, {y});
  return one(std::move(y), std::move(contents));
}

// A tile is the view of y at its place; each takes a copy of x.
Status tile_reference(const OpCall& call) {
  Tensor scratch;
  const Array x = dense(call.inputs[0], scratch);
  const Array& y = call.outputs[0];
  const auto repeats = load_ints(call.inputs[1]);
  if (int64_t(repeats.size()) != x.rank())
    return Error{"repeats has not one element per axis of x"};
  std::vector<int64_t> shape = x.shape;
  int64_t tiles = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (repeats[i] < 0 || __builtin_mul_overflow(shape[i], repeats[i], &shape[i]) ||
        __builtin_mul_overflow(tiles, repeats[i], &tiles))
      return Error{"repeats is " + str(repeats) + ", more than any tensor holds"};
  }
  TRY(expect_shape(y, "y", shape));
  if (y.count() == 0) return {};
  for (int64_t tile = 0; tile < tiles; ++tile) {
    Array place = y;
    int64_t left = tile;
    for (size_t i = shape.size(); i-- > 0;) {
      place = narrowed(place, int64_t(i), left % repeats[i] * x.shape[i], x.shape[i]);
      left /= repeats[i];
    }
    copy_elements(x, place);
  }
  return {};
}

Result<Outputs> tile_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  Type y = context.type(0);
  const auto repeats = TRY(known_ints(context, 1, "repeats"));
  TRY(no_negative(repeats, "repeats"));
  if (repeats.size() != y.shape.size()) {
    return Error{"repeats has " + std::to_string(repeats.size()) + " elements, x is " +
                 sym::str(y.shape)};
  }
  for (size_t i = 0; i < repeats.size(); ++i) y.shape[i] = y.shape[i] * repeats[i];
  auto contents = moved_contents(context, tile_reference, 1, {y});
  return one(std::move(y), std::move(contents));
}

}  // namespace

extern const OpDef Expand_def = {"Expand", "", 13, 2, 2, 1, 1, expand_infer, expand_reference};
extern const OpDef Tile_def = {"Tile", "", 13, 2, 2, 1, 1, tile_infer, tile_reference};

}  // namespace weft::ops
