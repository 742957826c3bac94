// Integer codes of reals, and their products, on the cpu against the reference: exactly equal.
#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

Data bytes(weft_dtype dtype, std::vector<int64_t> shape, uint32_t seed) {
  Data data = Data::zeros(dtype, std::move(shape));
  Random random(seed);
  for (char& byte : data.bytes) byte = char(random.integer(0, 255));
  return data;
}

TEST(CpuQuantize, codes_and_back_with_one_scale_one_per_index_and_one_per_block) {
  struct Case {
    std::vector<int64_t> scales;
    int64_t axis, block;
  };
  for (weft_dtype dtype : {WEFT_U8, WEFT_I8, WEFT_U16, WEFT_I16})
    for (const Case& c : std::vector<Case>{{{}, 1, 0}, {{6}, 1, 0}, {{3}, 0, 0}, {{3, 2}, 1, 4}}) {
      Graph g;
      Data scale = Data::zeros(WEFT_F32, c.scales);
      scale = Data::floats(c.scales, Random(3).reals(scale.count(), 0.01f, 0.1f));
      Data zero = Data::zeros(dtype, c.scales);
      if (dtype == WEFT_U8 || dtype == WEFT_I8)
        for (char& byte : zero.bytes) byte = 3;
      const uint32_t x = g.input("x", random_floats({3, 6}, 1, -9, 9));
      const uint32_t s = g.constant("s", scale), z = g.constant("z", zero);
      const uint32_t codes = g.activation("codes", dtype, {3, 6});
      const uint32_t back = g.activation("back", WEFT_F32, {3, 6});
      g.node("QuantizeLinear", {x, s, z}, {codes}, {{"axis", c.axis}, {"block_size", c.block}});
      g.node("DequantizeLinear", {codes, s, z}, {back},
             {{"axis", c.axis}, {"block_size", c.block}});
      g.outputs = {codes, back};
      expect_like_reference(g, "codes", 0);
    }
}

TEST(CpuQuantize, takes_scale_and_zero_from_the_data) {
  for (const Data& data :
       {random_floats({3, 50}, 1), random_floats({8}, 2, 1, 3), Data::zeros(WEFT_F32, {5})}) {
    Graph g;
    const uint32_t x = g.input("x", data);
    const uint32_t y = g.activation("y", WEFT_U8, dims(data.shape));
    const uint32_t scale = g.activation("scale", WEFT_F32, {});
    const uint32_t zero = g.activation("zero", WEFT_U8, {});
    g.node("DynamicQuantizeLinear", {x}, {y, scale, zero});
    g.outputs = {y, scale, zero};
    expect_like_reference(g, "dynamic", 0);
  }
}

TEST(CpuMatMulInteger, is_exact_for_every_mix_of_signs_and_zero_points) {
  for (weft_dtype left : {WEFT_U8, WEFT_I8})
    for (weft_dtype right : {WEFT_U8, WEFT_I8})
      for (int zeros : {0, 1, 2}) {
        Graph g;
        std::vector<uint32_t> in = {g.input("a", bytes(left, {2, 3, 40}, 1)),
                                    g.constant("b", bytes(right, {40, 700}, 2))};
        if (zeros) {
          in.push_back(g.constant(
              "az", bytes(left, zeros == 1 ? std::vector<int64_t>{} : std::vector<int64_t>{3}, 3)));
          in.push_back(g.constant(
              "bz",
              bytes(right, zeros == 1 ? std::vector<int64_t>{} : std::vector<int64_t>{700}, 4)));
        }
        const uint32_t y = g.activation("y", WEFT_I32, {2, 3, 700});
        g.node("MatMulInteger", in, {y});
        g.outputs = {y};
        expect_like_reference(g, "integers");
      }
}

TEST(CpuMatMulInteger, requantizes_like_the_reference) {
  for (weft_dtype dtype : {WEFT_U8, WEFT_I8}) {
    Graph g;
    const auto scale = [&](const char* name, std::vector<int64_t> shape, uint32_t seed) {
      Data data = Data::zeros(WEFT_F32, shape);
      return g.constant(name, Data::floats(shape, Random(seed).reals(data.count(), 0.01f, 0.02f)));
    };
    const uint32_t a = g.input("a", bytes(dtype, {4, 33}, 1));
    const uint32_t b = g.constant("b", bytes(WEFT_I8, {33, 20}, 2));
    const uint32_t az = g.constant("az", bytes(dtype, {}, 3));
    const uint32_t bz = g.constant("bz", bytes(WEFT_I8, {20}, 4));
    const uint32_t yz = g.constant("yz", bytes(dtype, {}, 5));
    const uint32_t y = g.activation("y", dtype, {4, 20});
    g.node("QLinearMatMul",
           {a, scale("as", {}, 6), az, b, scale("bs", {20}, 7), bz, scale("ys", {}, 8), yz}, {y});
    g.outputs = {y};
    expect_like_reference(g, "requantized");
  }
}

}  // namespace
}  // namespace weft::test
