// Reading nodes and refusing them in words; see claim.h.
#include "plugins/vulkan_npu/claim.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace weft::vulkan_npu {

using common::dtype_name;
using common::Refusal;
using plugin::NodeView;
using plugin::text;

namespace {

// 2^14 is the largest product of two codes; 2^31 would not fit an i32.
constexpr int64_t kMostProducts = (int64_t{1} << 17) - 1;

std::string name_of(const weft_value& value) { return value.name ? value.name : ""; }

bool is_float(uint32_t dtype) {
  return dtype == WEFT_F32 || dtype == WEFT_F16 || dtype == WEFT_BF16 || dtype == WEFT_F64;
}

void refuse_op(const NodeView& node) {
  const bool real = node->input_count > 0 && node.has(0) && is_float(node.in(0).dtype);
  throw Refusal{WEFT_REFUSE_OP,
                real ? text("%s is in floats, and float ops do not run on an NPU", node->op_type)
                     : text("the NPU runs MatMulInteger and QLinearMatMul, not %s", node->op_type)};
}

const weft_value& constant(const NodeView& node, uint32_t i, const char* what) {
  const weft_value& value = node.in(i);
  if (!(value.flags & WEFT_VALUE_CONSTANT) || !value.data)
    throw Refusal{WEFT_REFUSE_OTHER,
                  text("%s is computed while running; the NPU needs a constant", what),
                  node.input(i)};
  return value;
}

int64_t elements(const weft_value& value) {
  int64_t count = 1;
  for (uint32_t d = 0; d < value.rank; d++) count *= value.dims[d].value;
  return count;
}

void check_zero(const NodeView& node, uint32_t i, const char* what) {
  if (!node.has(i)) return;
  const weft_value& value = constant(node, i, what);
  const char* bytes = static_cast<const char*>(value.data);
  if (std::any_of(bytes, bytes + value.data_size, [](char c) { return c != 0; }))
    throw Refusal{WEFT_REFUSE_QUANT, text("%s is not 0; the NPU's codes are symmetric", what),
                  node.input(i)};
}

float scalar_scale(const NodeView& node, uint32_t i, const char* what) {
  const weft_value& value = constant(node, i, what);
  if (value.dtype != WEFT_F32)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("%s is %s, the NPU takes f32", what, dtype_name(value.dtype)),
                  node.input(i)};
  if (elements(value) != 1)
    throw Refusal{WEFT_REFUSE_QUANT,
                  text("%s has %lld elements; the NPU has one for the whole tensor", what,
                       static_cast<long long>(elements(value))),
                  node.input(i)};
  float scale = 0;
  std::memcpy(&scale, value.data, sizeof scale);
  if (!std::isfinite(scale) || scale <= 0)
    throw Refusal{WEFT_REFUSE_QUANT, text("%s is no positive number", what), node.input(i)};
  return scale;
}

void check_codes(uint32_t value_index, const weft_value& value) {
  if (value.dtype != WEFT_I8)
    throw Refusal{WEFT_REFUSE_DTYPE,
                  text("'%s' is %s, the NPU multiplies i8 by i8", name_of(value).c_str(),
                       dtype_name(value.dtype)),
                  value_index};
  if (value.flags & (WEFT_VALUE_VIEW | WEFT_VALUE_STATE))
    throw Refusal{WEFT_REFUSE_OTHER,
                  text("'%s' lies inside another tensor", name_of(value).c_str()), value_index};
}

// Rows of a bounded number, each of a fixed length.
void check_activation(const NodeView& node, uint32_t value_index, const weft_value& value) {
  if (value.flags & WEFT_VALUE_CONSTANT)
    throw Refusal{WEFT_REFUSE_OTHER, "the activations are a constant", value_index};
  if (value.rank < 1)
    throw Refusal{WEFT_REFUSE_RANK, "the activations are a scalar", value_index, {}, 0, 1};
  for (uint32_t d = 0; d < value.rank; d++) {
    const weft_dim& dim = value.dims[d];
    if (dim.slot == WEFT_NONE) continue;
    const weft_slot& slot = node.graph().slot(dim.slot);
    if (d + 1 == value.rank || slot.max < 0)
      throw Refusal{WEFT_REFUSE_DYNAMIC,
                    text("dim %u of '%s' is '%s', which %s; the NPU needs static shapes", d,
                         name_of(value).c_str(), slot.expr ? slot.expr : "?",
                         slot.max < 0 ? "has no upper bound" : "changes from run to run"),
                    value_index};
  }
}

void check_weights(const NodeView& node, uint32_t i, Product& product) {
  const weft_value& b = constant(node, i, "the weight");
  check_codes(node.input(i), b);
  if (b.rank != 2)
    throw Refusal{WEFT_REFUSE_RANK, "the weight is not a matrix", node.input(i), {}, b.rank, 2};
  product.k = b.dims[0].value;
  product.n = b.dims[1].value;
  if (product.k < 1 || product.n < 1 || uint64_t(product.k) * uint64_t(product.n) > b.data_size)
    throw Refusal{WEFT_REFUSE_SHAPE, "the weight has no elements, or fewer than its shape says",
                  node.input(i)};
  if (product.k > kMostProducts)
    throw Refusal{WEFT_REFUSE_LIMIT, "sums of that many products overflow 32 bits",
                  node.input(i),     "K",
                  product.k,         kMostProducts};
}

void read_scales(const NodeView& node, const Limits& limits, Product& product) {
  product.a_scale = scalar_scale(node, 1, "the scale of a");
  product.y_scale = scalar_scale(node, 6, "the scale of y");
  const weft_value& scale = constant(node, 4, "the scale of the weight");
  const int64_t count = elements(scale);
  if (scale.dtype != WEFT_F32 || (count != 1 && count != product.n))
    throw Refusal{
        WEFT_REFUSE_QUANT,
        text("the weight has %lld scales of %s; the NPU takes one, or one per column, f32",
             static_cast<long long>(count), dtype_name(scale.dtype)),
        node.input(4)};
  product.b_scale = node.input(4);
  const weft_value& zero = constant(node, 7, "the zero point of y");
  if (zero.dtype != WEFT_I8 || elements(zero) != 1)
    throw Refusal{WEFT_REFUSE_DTYPE, "the result is not i8 with one zero point", node.input(7)};
  product.y_zero = *static_cast<const int8_t*>(zero.data);
  if (!limits.rounds_to_nearest)
    throw Refusal{WEFT_REFUSE_OTHER, "the driver does not promise to round to nearest"};
}

}  // namespace

uint64_t weight_bytes(const Product& product) {
  const uint64_t words = (uint64_t(product.k) + 7) / 8;
  return (words * 8 + (product.to_i8 ? 4 : 0)) * uint64_t(product.n);
}

Product read_product(const NodeView& node, const Limits& limits, uint64_t memory) {
  const std::string op = node->op_type, domain = node->domain ? node->domain : "";
  Product product;
  product.to_i8 = op == "QLinearMatMul";
  if (!domain.empty() || (!product.to_i8 && op != "MatMulInteger")) refuse_op(node);
  const uint32_t b = product.to_i8 ? 3 : 1;
  if (!node.has(0) || !node.has(b) || node.output(0) == WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "an input or the output is missing"};
  product.a = node.input(0);
  product.b = node.input(b);
  product.y = node.output(0);
  check_codes(product.a, node.in(0));
  check_activation(node, product.a, node.in(0));
  check_zero(node, 2, "the zero point of a");
  check_zero(node, product.to_i8 ? 5 : 3, "the zero point of the weight");
  check_weights(node, b, product);
  if (product.to_i8) read_scales(node, limits, product);
  const weft_value& y = node.out(0);
  if (y.dtype != (product.to_i8 ? WEFT_I8 : WEFT_I32))
    throw Refusal{WEFT_REFUSE_DTYPE, "the result has another type than the op gives", product.y};
  if (y.flags & WEFT_VALUE_VIEW)
    throw Refusal{WEFT_REFUSE_OTHER, "the result lies inside another tensor", product.y};
  if (node.in(0).dims[node.in(0).rank - 1].value != product.k)
    throw Refusal{WEFT_REFUSE_SHAPE, "rows of the activations do not fit the weight", product.a};
  // A binding covers 8 rows of the result at least, from an aligned offset on.
  const int64_t widest = int64_t((limits.storage_range - limits.offset_alignment) / 32);
  if (product.n > widest)
    throw Refusal{
        WEFT_REFUSE_LIMIT, "rows of the result are too long", product.y, "N", product.n, widest};
  const uint64_t most = std::min(limits.allocation, memory);
  if (weight_bytes(product) > most)
    throw Refusal{WEFT_REFUSE_LIMIT,
                  "the weight does not fit the NPU's memory",
                  product.b,
                  "bytes",
                  int64_t(weight_bytes(product)),
                  int64_t(most)};
  return product;
}

}  // namespace weft::vulkan_npu
