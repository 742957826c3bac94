// NonZero: the positions of the elements of x that are not 0, in row-major order.
//
//   x  [d_0, ..., d_r-1]   any type
//   y  [r, n]              i64; column j is the position of the j-th such element
//
// n depends on the data, so it must follow from what is known of x when the graph is built.
// ONNX operators, opset 25: NonZero-13.
#include "core/ops/contents.h"
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

// Row-major numbers of the elements that are not 0; nothing when that is not known.
std::optional<std::vector<int64_t>> known_places(const InferContext& context) {
  const auto* contents = context.contents(0);
  if (!contents) return {};
  std::vector<int64_t> places;
  for (size_t i = 0; i < contents->size(); ++i) {
    const Dim& dim = (*contents)[i];
    switch (equal(context.bounds, dim, 0)) {
      case sym::Truth::no:
        places.push_back(int64_t(i));
        break;
      case sym::Truth::unknown:
        return {};
      case sym::Truth::yes:
        break;
    }
  }
  return places;
}

// The positions of `places` in a tensor of this shape, axis by axis.
std::vector<int64_t> positions(std::span<const int64_t> shape, std::span<const int64_t> places) {
  std::vector<int64_t> rows(shape.size() * places.size());
  for (size_t j = 0; j < places.size(); ++j) {
    int64_t left = places[j];
    for (size_t d = shape.size(); d-- > 0;) {
      rows[d * places.size() + j] = left % shape[d];
      left /= shape[d];
    }
  }
  return rows;
}

Result<Outputs> nonzero_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::any));
  const Type& x = context.type(0);
  const auto shape = constant_shape(x.shape);
  const auto places = known_places(context);
  if (!shape || !places) {
    return Error{"how many elements of x " + ir::str(x) +
                 " are not 0 is known at run time only; sizes may not depend on computed data "
                 "(export without nonzero or boolean indexing)"};
  }
  Contents contents;
  for (int64_t position : positions(*shape, *places)) {
    if (!contents) contents.emplace();
    contents->push_back(position);
  }
  return one({DType::i64, {int64_t(shape->size()), int64_t(places->size())}}, std::move(contents));
}

Status nonzero_reference(const OpCall& call) {
  const Array& x = call.inputs[0];
  const std::vector<double> elements = load_all(x);
  std::vector<int64_t> places;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] != 0) places.push_back(int64_t(i));
  }
  const int64_t shape[] = {x.rank(), int64_t(places.size())};
  TRY(expect_shape(call.outputs[0], "y", shape));
  store_ints(call.outputs[0], positions(x.shape, places));
  return {};
}

}  // namespace

extern const OpDef NonZero_def = {"NonZero", "", 13, 1, 1, 1, 1, nonzero_infer, nonzero_reference};

}  // namespace weft::ops
