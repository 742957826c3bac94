// Integer codes: cases beyond ONNX's node tests, with values worked out by hand.
#include <cmath>

#include "tests/core/ops/op_tester.h"

namespace weft::test {
namespace {

using Values = std::vector<double>;

Tensor tensor_of(DType dtype, std::vector<int64_t> shape, const Values& values) {
  Tensor out = Tensor::zeros(dtype, std::move(shape));
  ops::store_all(out.view(), values);
  return out;
}
Tensor floats(std::vector<int64_t> shape, const Values& values) {
  return tensor_of(DType::f32, std::move(shape), values);
}
Tensor codes(std::vector<int64_t> shape, const Values& values) {
  return tensor_of(DType::i8, std::move(shape), values);
}

struct Ran {
  DType dtype = DType::undefined;
  Values values;
  std::string error;
};

// The op on these inputs: inferred, then run.
Ran run(Op op, const std::vector<Tensor>& inputs, const Attrs& attrs = {}) {
  std::vector<Given> given;
  std::vector<Array> arrays;
  for (const Tensor& input : inputs) {
    Shape shape(input.shape.begin(), input.shape.end());
    given.push_back({{input.dtype, shape}, {}});
    arrays.push_back(input.dtype == DType::undefined ? Array{} : input.view());
  }
  const auto inferred = infer_all(op, given, attrs);
  if (!inferred.ok()) return {DType::undefined, {}, inferred.error().message};
  std::vector<int64_t> shape;
  for (const Dim& dim : (*inferred)[0].type.shape) shape.push_back(dim.constant());
  const Tensor out = Tensor::zeros((*inferred)[0].type.dtype, shape);
  const Array outputs[] = {out.view()};
  const auto status = ops::run_reference(ops::def(op), {arrays, outputs, attrs});
  if (!status.ok()) return {DType::undefined, {}, status.error().message};
  return {out.dtype, ops::load_all(out.view()), ""};
}

TEST(QuantizeLinear, rounds_halves_to_even_and_saturates) {
  const Tensor x = floats({8}, {0.5, 1.5, -0.5, -2.5, 300, -300, 0.49, std::nan("")});
  const Ran ran = run(Op::QuantizeLinear, {x, floats({}, {1}), codes({}, {0})});
  EXPECT_EQ(ran.dtype, DType::i8);
  EXPECT_EQ(ran.values, (Values{0, 2, 0, -2, 127, -128, 0, 0}));
  EXPECT_EQ(run(Op::QuantizeLinear, {x, floats({}, {2})}).values,
            (Values{0, 1, 0, 0, 150, 0, 0, 0}));
}

TEST(QuantizeLinear, takes_scales_per_axis_and_per_block) {
  const Tensor x = floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Attrs rows{{"axis", int64_t(0)}}, columns{{"axis", int64_t(-1)}};
  const Attrs blocks{{"axis", int64_t(1)}, {"block_size", int64_t(3)}};
  EXPECT_EQ(run(Op::QuantizeLinear, {x, floats({2}, {1, 0.5}), codes({2}, {0, 1})}, rows).values,
            (Values{1, 2, 3, 4, 11, 13, 15, 17}));
  EXPECT_EQ(run(Op::QuantizeLinear, {x, floats({4}, {1, 2, 1, 4})}, columns).values,
            (Values{1, 1, 3, 1, 5, 3, 7, 2}));
  EXPECT_EQ(run(Op::QuantizeLinear, {x, floats({2, 2}, {1, 2, 0.5, 4})}, blocks).values,
            (Values{1, 2, 3, 2, 10, 12, 14, 2}));
}

TEST(QuantizeLinear, takes_its_type_from_the_zero_point_or_the_attribute) {
  const Tensor x = floats({1}, {3}), scale = floats({}, {1});
  const Attrs i16{{"output_dtype", int64_t(DType::i16)}},
      f64{{"output_dtype", int64_t(DType::f64)}};
  EXPECT_EQ(run(Op::QuantizeLinear, {x, scale}).dtype, DType::u8);
  EXPECT_EQ(run(Op::QuantizeLinear, {x, scale}, i16).dtype, DType::i16);
  EXPECT_NE(run(Op::QuantizeLinear, {x, scale}, f64).error.find("y would be f64"),
            std::string::npos);
}

TEST(DequantizeLinear, subtracts_the_zero_point_before_it_scales) {
  const Tensor x = codes({2, 2}, {-128, 127, 0, 5});
  EXPECT_EQ(run(Op::DequantizeLinear, {x, floats({}, {0.5}), codes({}, {-128})}).values,
            (Values{0, 127.5, 64, 66.5}));
  EXPECT_EQ(run(Op::DequantizeLinear, {x, floats({2}, {1, 2})}).values, (Values{-128, 254, 0, 10}));
  const Tensor sums = tensor_of(DType::i32, {1}, {1 << 20});
  EXPECT_EQ(run(Op::DequantizeLinear, {sums, floats({}, {0.25})}).values, Values{1 << 18});
}

TEST(QuantizeLinear, refuses_scales_that_do_not_fit) {
  const Tensor x = floats({2, 4}, Values(8, 1));
  EXPECT_NE(run(Op::QuantizeLinear, {x, floats({3}, {1, 1, 1})}).error.find("3 scales for axis 1"),
            std::string::npos);
  EXPECT_NE(run(Op::QuantizeLinear, {x, floats({2, 2}, {1, 1, 1, 1})}).error.find("block_size"),
            std::string::npos);
  const Attrs seven{{"axis", int64_t(7)}};
  EXPECT_NE(run(Op::QuantizeLinear, {x, floats({4}, {1, 1, 1, 1})}, seven).error, "");
}

TEST(MatMulInteger, subtracts_zero_points_of_rows_and_columns) {
  const Tensor a = codes({2, 2}, {1, 2, 3, 4}), b = codes({2, 2}, {5, 6, 7, 8});
  EXPECT_EQ(run(Op::MatMulInteger, {a, b}).values, (Values{19, 22, 43, 50}));
  EXPECT_EQ(run(Op::MatMulInteger, {a, b, codes({2}, {1, 2})}).values, (Values{7, 8, 19, 22}));
  EXPECT_EQ(run(Op::MatMulInteger, {a, b, Tensor{}, codes({2}, {5, 6})}).values,
            (Values{4, 4, 8, 8}));
  EXPECT_EQ(run(Op::MatMulInteger, {a, b}).dtype, DType::i32);
}

TEST(MatMulInteger, is_exact_at_the_ends_of_the_range) {
  const Tensor a = codes({1, 3000}, Values(3000, -128)), b = codes({3000, 1}, Values(3000, -128));
  EXPECT_EQ(run(Op::MatMulInteger, {a, b}).values, Values{3000 * 16384});
}

TEST(QLinearMatMul, requantizes_with_one_scale_per_column) {
  const Tensor a = codes({2, 2}, {1, 2, 3, 4}), b = codes({2, 2}, {5, 6, 7, 8});
  const Tensor zero = codes({}, {0});
  const auto product = [&](const Tensor& b_scale, double y_scale, double y_zero) {
    return run(Op::QLinearMatMul, {a, floats({}, {0.5}), zero, b, b_scale, zero,
                                   floats({}, {y_scale}), codes({}, {y_zero})});
  };
  // sums 19, 22, 43, 50; steps 0.5 and 1
  const Ran ran = product(floats({2}, {1, 2}), 1, 0);
  EXPECT_EQ(ran.dtype, DType::i8);
  EXPECT_EQ(ran.values, (Values{10, 22, 22, 50}));
  EXPECT_EQ(product(floats({}, {1}), 1, -3).values, (Values{7, 8, 19, 22}));
  EXPECT_EQ(product(floats({}, {1}), 0.1, 0).values, (Values{95, 110, 127, 127}));
}

TEST(QLinearMatMul, refuses_floats_and_shapes_that_do_not_multiply) {
  const Tensor a = codes({2, 3}, Values(6, 1)), b = codes({2, 2}, Values(4, 1));
  const Tensor one = floats({}, {1}), zero = codes({}, {0});
  EXPECT_NE(
      run(Op::QLinearMatMul, {a, one, zero, b, one, zero, one, zero}).error.find("a ends in 3"),
      std::string::npos);
  EXPECT_NE(run(Op::MatMulInteger, {one, b}).error.find("i8 or u8"), std::string::npos);
}

}  // namespace
}  // namespace weft::test
