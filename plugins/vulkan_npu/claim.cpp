// Reading products and refusing them in words; see claim.h.
#include "plugins/vulkan_npu/claim.h"

#include <algorithm>

namespace weft::vulkan_npu {

using common::dtype_name;
using common::Refusal;
using plugin::NodeView;
using plugin::text;

namespace {

// 2^14 is the largest product of two codes; 2^31 would not fit an i32.
constexpr int64_t kMostProducts = (int64_t{1} << 17) - 1;

void check_codes(const NodeView& node, uint32_t value_index) {
  need_tensor(node, value_index, WEFT_I8);
}

void check_weights(const NodeView& node, uint32_t i, Product& product) {
  const weft_value& b = need_constant(node, i, "the weight");
  check_codes(node, node.input(i));
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

// One scale for all, or one per column, of input `i`.
uint32_t column_scales(const NodeView& node, uint32_t i, const char* what, int64_t columns) {
  const weft_value& scale = need_constant(node, i, what);
  const int64_t count = elements(scale);
  if (scale.dtype != WEFT_F32 || (count != 1 && count != columns))
    throw Refusal{WEFT_REFUSE_QUANT,
                  text("%s has %lld elements of %s; the NPU takes one, or one per column, f32",
                       what, static_cast<long long>(count), dtype_name(scale.dtype)),
                  node.input(i)};
  return node.input(i);
}

void need_rounding(const Limits& limits) {
  if (!limits.rounds_to_nearest)
    throw Refusal{WEFT_REFUSE_OTHER, "the driver does not promise to round to nearest"};
}

void read_scales(const NodeView& node, const Limits& limits, Product& product) {
  product.a_scale = need_scale(node, 1, "the scale of a");
  product.y_scale = need_scale(node, 6, "the scale of y");
  product.scale = column_scales(node, 4, "the scale of the weight", product.n);
  const weft_value& zero = need_constant(node, 7, "the zero point of y");
  if (zero.dtype != WEFT_I8 || elements(zero) != 1)
    throw Refusal{WEFT_REFUSE_DTYPE, "the result is not i8 with one zero point", node.input(7)};
  product.y_zero = *static_cast<const int8_t*>(zero.data);
  need_rounding(limits);
}

void check_place(const Product& product, const Limits& limits, uint64_t memory) {
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
}

}  // namespace

uint64_t weight_bytes(const Product& product) {
  const uint64_t words = (uint64_t(product.k) + 7) / 8;
  return (words * 8 + (product.has_steps() ? 4 : 0)) * uint64_t(product.n);
}

Product read_product(const NodeView& node, const Limits& limits, uint64_t memory) {
  const bool codes = std::string(node->op_type) == "QLinearMatMul";
  Product product;
  product.result = codes ? Product::Result::codes : Product::Result::sums;
  const uint32_t b = codes ? 3 : 1;
  if (!node.has(0) || !node.has(b) || node.output(0) == WEFT_NONE)
    throw Refusal{WEFT_REFUSE_OTHER, "an input or the output is missing"};
  product.a = node.input(0);
  product.b = node.input(b);
  product.y = node.output(0);
  check_codes(node, product.a);
  need_rows(node, product.a);
  need_zero(node, 2, "the zero point of a");
  need_zero(node, codes ? 5 : 3, "the zero point of the weight");
  check_weights(node, b, product);
  if (codes) read_scales(node, limits, product);
  need_tensor(node, product.y, codes ? WEFT_I8 : WEFT_I32);
  if (node.in(0).dims[node.in(0).rank - 1].value != product.k)
    throw Refusal{WEFT_REFUSE_SHAPE, "rows of the activations do not fit the weight", product.a};
  check_place(product, limits, memory);
  return product;
}

Product with_reals(const Product& sums, const NodeView& node, const Limits& limits) {
  Product product = sums;
  product.result = Product::Result::reals;
  product.scale = column_scales(node, 1, "the scale", product.n);
  const weft_value& x = node.in(0);
  const int64_t axis = node.integer("axis", 1);
  const bool by_column = axis == -1 || axis + 1 == int64_t(x.rank);
  if (elements(node.in(1)) != 1 && (!by_column || node.integer("block_size", 0) != 0))
    throw Refusal{WEFT_REFUSE_QUANT, "the scales are not those of the columns", node.input(1)};
  need_zero(node, 2, "the zero point");
  product.y = node.output(0);
  need_tensor(node, product.y, WEFT_F32);
  need_rounding(limits);
  return product;
}

}  // namespace weft::vulkan_npu
