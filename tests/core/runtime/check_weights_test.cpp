// Weights that are not finite: found in every float type, at every place, and nowhere else.
#include "core/runtime/check_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "core/ops/half.h"

namespace weft::runtime {
namespace {

using ir::DType;
using ir::Graph;
using ir::Op;
using ir::ValueId;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
std::shared_ptr<const ir::Constant> constant_of(const std::vector<T>& elements) {
  const auto bytes = std::as_bytes(std::span(elements));
  return ir::make_constant({bytes.begin(), bytes.end()});
}

// x [1, rows] times a constant [rows, columns].
struct Product {
  Graph graph;
  ValueId weight = ValueId::none;

  template <typename T>
  Product(DType dtype, int64_t rows, int64_t columns, const std::vector<T>& elements,
          Op op = Op::MatMul) {
    const ValueId x = graph.add_input("x", {dtype, {1, rows}});
    weight = graph.add_constant("w", {dtype, {rows, columns}}, constant_of(elements));
    graph.add(op, {x, weight}, {}, "node");
  }
  std::string error() const {
    const Status status = check_weights(graph, graph.order());
    if (status.ok()) return "";
    EXPECT_EQ(status.error().kind, ErrorKind::model);
    return status.error().message;
  }
};

std::string error_with(int64_t rows, int64_t columns, size_t at, float value) {
  std::vector<float> elements(size_t(rows * columns), 1.5f);
  elements[at] = value;
  return Product(DType::f32, rows, columns, elements).error();
}

TEST(check_weights, names_node_tensor_type_and_element) {
  EXPECT_EQ(error_with(3, 5, 8, kNan)
                .rfind("node 'node' (MatMul): the weight 'w', f32[3, 5], is NaN at [1, 3]; ", 0),
            0u)
      << error_with(3, 5, 8, kNan);
  EXPECT_NE(error_with(3, 5, 14, -kInfinity).find("is infinite at [2, 4]"), std::string::npos);
}

TEST(check_weights, finds_one_element_wherever_it_is) {
  for (const size_t at : {0u, 1u, 1023u, 1024u, 1025u, 2047u, 2999u}) {
    EXPECT_NE(error_with(30, 100, at, kNan), "") << at;
    EXPECT_NE(error_with(30, 100, at, kInfinity), "") << at;
  }
}

TEST(check_weights, extreme_but_finite_numbers_pass) {
  for (const float value : {std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest(),
                            std::numeric_limits<float>::denorm_min(), -0.0f})
    EXPECT_EQ(error_with(30, 100, 7, value), "") << value;
}

TEST(check_weights, every_float_type_is_looked_at) {
  std::vector<ops::Half> halves(6, ops::to_half(1));
  EXPECT_EQ(Product(DType::f16, 2, 3, halves).error(), "");
  halves[4] = ops::to_half(65504);
  EXPECT_EQ(Product(DType::f16, 2, 3, halves).error(), "");
  halves[4] = ops::to_half(kInfinity);
  EXPECT_NE(Product(DType::f16, 2, 3, halves).error().find("infinite at [1, 1]"),
            std::string::npos);
  std::vector<ops::BFloat> brains(6, ops::to_bfloat(1));
  EXPECT_EQ(Product(DType::bf16, 2, 3, brains).error(), "");
  brains[5] = ops::to_bfloat(kNan);
  EXPECT_NE(Product(DType::bf16, 2, 3, brains).error().find("NaN at [1, 2]"), std::string::npos);
  std::vector<double> doubles(6, 1e300);
  EXPECT_EQ(Product(DType::f64, 2, 3, doubles).error(), "");
  doubles[0] = double(kNan);
  EXPECT_NE(Product(DType::f64, 2, 3, doubles).error().find("NaN at [0, 0]"), std::string::npos);
}

TEST(check_weights, integers_are_no_floats) {
  EXPECT_EQ(Product(DType::i32, 2, 3, std::vector<int32_t>(6, -1)).error(), "");
}

TEST(check_weights, a_column_major_weight_is_named_by_its_own_indices) {
  std::vector<float> elements(15, 1);
  elements[4] = kNan;  // stored [5][3]: column 1, row 1
  Product product(DType::f32, 3, 5, elements);
  product.graph[product.weight].column_major = true;
  EXPECT_NE(product.error().find("NaN at [1, 1]"), std::string::npos) << product.error();
}

TEST(check_weights, infinity_outside_weights_is_meant_and_nan_is_not) {
  const std::vector<float> mask{0, -kInfinity, 1};
  EXPECT_EQ(Product(DType::f32, 1, 3, mask, Op::Add).error(), "");
  EXPECT_NE(Product(DType::f32, 1, 3, std::vector<float>{0, kNan, 1}, Op::Add).error(), "");
}

TEST(check_weights, a_table_of_zeros_and_minus_infinity_is_a_mask) {
  EXPECT_EQ(error_with(1, 1, 0, -kInfinity), "");
  EXPECT_NE(error_with(1, 2, 0, -kInfinity), "");
}

TEST(check_weights, scales_and_zero_points_of_codes_are_looked_at) {
  for (const bool spoil_scale : {false, true}) {
    Product product(DType::u8, 4, 2, std::vector<uint8_t>(8, 3));
    ir::Value& weight = product.graph[product.weight];
    std::vector<float> good(2, 1), bad{1, kInfinity};
    ir::Quantization codes;
    codes.storage = DType::u8;
    codes.block = 4;
    weight.type.dtype = DType::f32;
    const ValueId scale = product.graph.add_constant("s", {DType::f32, {2, 1}},
                                                     constant_of(spoil_scale ? bad : good));
    const ValueId zero = product.graph.add_constant("z", {DType::f32, {2, 1}},
                                                    constant_of(spoil_scale ? good : bad));
    codes.scale = scale;
    codes.zero_point = zero;
    product.graph[product.weight].quantization = codes;
    EXPECT_NE(product.error().find(spoil_scale ? "the scale of 'w'" : "the zero point of 'w'"),
              std::string::npos)
        << product.error();
    EXPECT_NE(product.error().find("infinite at [1, 0]"), std::string::npos) << product.error();
  }
}

}  // namespace
}  // namespace weft::runtime
