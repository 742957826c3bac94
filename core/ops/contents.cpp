// Following the elements of small integer tensors; see contents.h.
#include "core/ops/contents.h"

#include <algorithm>

#include "core/ops/broadcast.h"
#include "core/ops/rules.h"
#include "core/ops/walk.h"

namespace weft::ops {

std::optional<std::vector<int64_t>> constant_shape(const Shape& shape) {
  std::vector<int64_t> dims;
  for (const Dim& dim : shape) {
    if (!dim.is_constant() || dim.constant() < 0) return {};
    dims.push_back(dim.constant());
  }
  return dims;
}

std::optional<int64_t> small_count(const Shape& shape) {
  const auto dims = constant_shape(shape);
  if (!dims) return {};
  int64_t count = 1;
  for (int64_t dim : *dims) {
    if (dim == 0) return 0;
  }
  for (int64_t dim : *dims) {
    if (dim > kMaxContents || (count *= dim) > kMaxContents) return {};
  }
  return count;
}

std::vector<size_t> broadcast_index(const std::vector<int64_t>& from,
                                    const std::vector<int64_t>& to) {
  const Array numbers{DType::i64, from, row_major(from), nullptr, nullptr, false};
  const auto view = broadcast_to(numbers, to);
  std::vector<size_t> index;
  if (!view.ok()) return index;
  walk(*view, [&](int64_t offset) { index.push_back(size_t(offset)); });
  return index;
}

Contents zip_contents(const InferContext& context, size_t a, size_t b, const Shape& out,
                      BinaryContents fn) {
  const auto *x = context.contents(a), *y = context.contents(b);
  const auto count = small_count(out);
  if (!x || !y || !count) return {};
  const auto to = constant_shape(out), from_x = constant_shape(context.type(a).shape),
             from_y = constant_shape(context.type(b).shape);
  if (!to || !from_x || !from_y) return {};
  const auto at_x = broadcast_index(*from_x, *to), at_y = broadcast_index(*from_y, *to);
  if (int64_t(at_x.size()) != *count || int64_t(at_y.size()) != *count) return {};
  std::vector<Dim> values;
  for (size_t i = 0; i < at_x.size(); ++i) {
    if (at_x[i] >= x->size() || at_y[i] >= y->size()) return {};
    auto value = fn(context.bounds, (*x)[at_x[i]], (*y)[at_y[i]]);
    if (!value) return {};
    values.push_back(*value);
  }
  return values;
}

Contents fitting(DType dtype, Contents contents) {
  if (!contents) return {};
  constexpr int64_t kLimit = int64_t(1) << 53;
  const int width = ir::is_float(dtype) ? 54 : std::min(ir::bits(dtype), 54);
  const bool is_unsigned = dtype == DType::u8 || dtype == DType::u16 || dtype == DType::u32 ||
                           dtype == DType::u64 || dtype == DType::boolean;
  const int64_t top = int64_t(1) << (is_unsigned ? width : width - 1);
  for (const Dim& dim : *contents) {
    for (const sym::Term& term : dim.terms()) {
      if (term.coefficient > kLimit || term.coefficient < -kLimit) return {};
    }
    // Symbols are sizes of tensors: they fit 32 bits.
    if (!dim.is_constant() && width < 32) return {};
    if (!dim.is_constant()) continue;
    if (dim.constant() >= top || dim.constant() < (is_unsigned ? 0 : -top)) return {};
  }
  return contents;
}

Contents moved_contents(const InferContext& context, ReferenceFn reference, size_t data_inputs,
                        const std::vector<Type>& outputs, size_t output) {
  if (!small_count(outputs[output].shape)) return {};
  std::vector<Tensor> tensors(context.inputs.size());
  std::vector<Dim> elements;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (!context.has(i)) continue;
    const auto* contents = context.contents(i);
    const auto shape = constant_shape(context.type(i).shape);
    const auto count = small_count(context.type(i).shape);
    if (!contents || !shape || !count || int64_t(contents->size()) != *count) return {};
    std::vector<int64_t> numbers;
    for (const Dim& dim : *contents) {
      if (i >= data_inputs && !dim.is_constant()) return {};
      numbers.push_back(i < data_inputs ? int64_t(elements.size()) : dim.constant());
      if (i < data_inputs) elements.push_back(dim);
    }
    tensors[i] = Tensor::zeros(DType::i64, *shape);
    store_ints(tensors[i].view(), numbers);
  }
  std::vector<Tensor> results;
  std::vector<Array> in, out;
  for (const Type& type : outputs) {
    if (!small_count(type.shape)) return {};
    results.push_back(Tensor::zeros(DType::i64, *constant_shape(type.shape)));
    out.push_back(results.back().view());
  }
  for (const Tensor& tensor : tensors) {
    in.push_back(tensor.dtype == DType::undefined ? Array{} : tensor.view());
  }
  if (!reference({in, out, context.attrs}).ok()) return {};
  std::vector<Dim> moved;
  for (int64_t number : load_ints(out[output])) moved.push_back(elements[size_t(number)]);
  return moved;
}

}  // namespace weft::ops
