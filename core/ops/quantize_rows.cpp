// QuantizeRows (domain weft): rows of reals as int8 codes with a scale per 32 of them, packed as
// quant/code_rows.h says. What writes a KV cache of codes; SinkAttention is what reads it.
//
//   x           [..., n * size]                    float
//   y           [..., n * code_row_bytes(size)]    i8
//   attributes  size   elements of one row, at least 1: a head's
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/ops/code_rows.h"
#include "core/ops/half.h"
#include "core/ops/rules.h"
#include "quant/code_rows.h"

namespace weft::ops {
namespace {

Result<int64_t> row_size(const Attrs& attrs) {
  const int64_t size = attrs.integer("size", 0);
  if (size > 0 && size <= INT32_MAX) return size;
  return Error{"attribute size is " + std::to_string(size) + ", a row has at least one element"};
}

Result<Outputs> quantize_rows_infer(const InferContext& context) {
  TRY(expect(context, 0, "x", Elements::real));
  const int64_t size = TRY(row_size(context.attrs));
  Shape shape = context.type(0).shape;
  const auto rows = shape.empty() ? std::nullopt : divided(shape.back(), size);
  if (!rows) {
    return Error{"x is " + sym::str(shape) + ", which rows of " + std::to_string(size) +
                 " do not divide"};
  }
  shape.back() = *rows * quant::code_row_bytes(size);
  return one({DType::i8, shape});
}

// The scale of some elements, as it is kept.
Half scale_of(const double* x, int64_t n) {
  float highest = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return to_half(std::numeric_limits<double>::quiet_NaN());
    highest = std::max(highest, std::fabs(float(x[i])));
  }
  return to_half(std::min(highest / 127.0f, 65504.0f));
}

// The bytes of one row, one after the other, as signed integers.
std::vector<int64_t> encode(const double* x, int64_t size) {
  std::vector<int64_t> row(size_t(quant::code_row_bytes(size)), 0);
  for (int64_t block = 0; block < quant::code_blocks(size); ++block) {
    const int64_t first = block * quant::kCodeBlock;
    const int64_t count = std::min(quant::kCodeBlock, size - first);
    const Half kept = scale_of(x + first, count);
    const float scale = float(to_double(kept));
    for (int64_t i = first; i < first + count; ++i) {
      if (!(scale > 0)) continue;
      row[size_t(i)] = std::lrintf(std::clamp(float(x[i]) / scale, -127.0f, 127.0f));
    }
    const size_t at = size_t(quant::code_bytes(size) + 2 * block);
    row[at] = int8_t(kept.bits & 255);
    row[at + 1] = int8_t(kept.bits >> 8);
  }
  return row;
}

Status quantize_rows_reference(const OpCall& call) {
  const Array &x = call.inputs[0], &y = call.outputs[0];
  const int64_t size = TRY(row_size(call.attrs)), bytes = quant::code_row_bytes(size);
  std::vector<int64_t> shape = x.shape;
  if (shape.empty() || shape.back() % size != 0) {
    return Error{"x is " + str(shape) + ", which rows of " + std::to_string(size) +
                 " do not divide"};
  }
  shape.back() = shape.back() / size * bytes;
  TRY(expect_shape(y, "y", shape));
  const std::vector<double> reals = load_all(x);
  std::vector<int64_t> all;
  for (size_t i = 0; i < reals.size(); i += size_t(size)) {
    const std::vector<int64_t> row = encode(reals.data() + i, size);
    all.insert(all.end(), row.begin(), row.end());
  }
  store_ints(y, all);
  return {};
}

}  // namespace

Result<Tensor> decode_rows(const Array& rows, int64_t size, std::string_view name) {
  const int64_t bytes = size > 0 && size <= INT32_MAX ? quant::code_row_bytes(size) : 0;
  std::vector<int64_t> shape = rows.shape;
  if (bytes == 0 || shape.empty() || shape.back() != bytes) {
    return Error{std::string(name) + " is " + str(shape) + ", rows of " + std::to_string(size) +
                 " codes end in " + std::to_string(bytes)};
  }
  shape.back() = size;
  Tensor decoded = Tensor::zeros(DType::f32, shape);
  const std::vector<int64_t> codes = load_ints(rows);
  std::vector<double> reals;
  for (size_t row = 0; row < codes.size(); row += size_t(bytes)) {
    for (int64_t i = 0; i < size; ++i) {
      const size_t at = row + size_t(quant::code_bytes(size) + i / quant::kCodeBlock * 2);
      const Half scale{uint16_t((codes[at] & 255) | (codes[at + 1] & 255) << 8)};
      reals.push_back(double(codes[row + size_t(i)]) * to_double(scale));
    }
  }
  store_all(decoded.view(), reals);
  return decoded;
}

extern const OpDef QuantizeRows_def = {
    "QuantizeRows", "weft", 1, 1, 1, 1, 1, quantize_rows_infer, quantize_rows_reference};

}  // namespace weft::ops
