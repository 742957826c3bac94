// Integer codes of reals, their products, and experts on every backend against the reference.
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(Quantize);

Data bytes(weft_dtype dtype, std::vector<int64_t> shape, uint32_t seed) {
  Data data = Data::zeros(dtype, std::move(shape));
  Random random(seed);
  for (char& byte : data.bytes) byte = char(random.integer(0, 255));
  return data;
}

TEST_P(Quantize, codes_and_back_with_one_scale_one_per_index_and_one_per_block) {
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

TEST_P(Quantize, takes_scale_and_zero_from_the_data) {
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

TEST_P(Quantize, products_of_bytes_are_exact_for_every_mix_of_signs_and_zero_points) {
  for (weft_dtype left : {WEFT_U8, WEFT_I8})
    for (weft_dtype right : {WEFT_U8, WEFT_I8})
      for (int zeros : {0, 1, 2}) {
        Graph g;
        std::vector<uint32_t> in = {g.input("a", bytes(left, {2, 3, 40}, 1)),
                                    g.constant("b", bytes(right, {40, 70}, 2))};
        if (zeros) {
          const auto shape = [&](int64_t n) {
            return zeros == 1 ? std::vector<int64_t>{} : std::vector<int64_t>{n};
          };
          in.push_back(g.constant("az", bytes(left, shape(3), 3)));
          in.push_back(g.constant("bz", bytes(right, shape(70), 4)));
        }
        const uint32_t y = g.activation("y", WEFT_I32, {2, 3, 70});
        g.node("MatMulInteger", in, {y});
        g.outputs = {y};
        expect_like_reference(g, "integers");
      }
}

TEST_P(Quantize, products_become_codes_again_like_the_reference) {
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

// ------------------------------------------------------------------ experts
constexpr int64_t kExperts = 5;

struct Problem {
  int64_t tokens, k, in, out;
  bool shared = false, bias = false, transposed = false;  // shared: one row of x for all k
};

Graph expert_graph(const Problem& p) {
  Random random(uint32_t(p.tokens * 31 + p.out));
  Graph g;
  const uint32_t x = g.input("x", random_floats({p.tokens, p.shared ? 1 : p.k, p.in}, 7, -1, 1));
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < p.tokens * p.k; i++) chosen.push_back(random.integer(-1, 4));
  const uint32_t experts = g.input("experts", Data::integers({p.tokens, p.k}, chosen));
  const std::vector<int64_t> shape = {kExperts, p.transposed ? p.out : p.in,
                                      p.transposed ? p.in : p.out};
  std::vector<uint32_t> in = {x, g.constant("w", random_floats(shape, 8, -1, 1)), experts};
  if (p.bias) in.push_back(g.constant("bias", random_floats({kExperts, p.out}, 9, -1, 1)));
  const uint32_t y = g.activation("y", WEFT_F32, {p.tokens, p.k, p.out});
  g.node("ExpertMatMul", in, {y}, {{"transposed", int64_t(p.transposed)}}, "weft");
  g.outputs = {y};
  return g;
}

TEST_P(Quantize, experts_agree_with_the_reference_in_either_order) {
  for (const bool transposed : {false, true})
    for (Problem p : std::vector<Problem>{{1, 2, 64, 17},
                                          {1, 2, 64, 40, true, true},
                                          {3, 1, 101, 16},
                                          {7, 2, 96, 33, true},
                                          {20, 4, 3, 5, true, true}}) {
      p.transposed = transposed;
      Graph g = expert_graph(p);
      expect_like_reference(g, "experts, tokens " + std::to_string(p.tokens));
    }
}

TEST_P(Quantize, a_row_of_experts_does_not_depend_on_its_neighbours) {
  const Problem p{20, 2, 70, 33};
  Graph whole = expert_graph(p);
  const std::vector<float> want = device().run(whole)[0].floats();
  for (int64_t token : {0, 11}) {
    Graph one = expert_graph(p);
    const std::vector<float> x = one.input_data(one.inputs[0]).floats();
    const std::vector<int64_t> experts = one.input_data(one.inputs[1]).integers();
    Graph g;
    const int64_t row = token * p.k;
    const std::vector<uint32_t> in = {
        g.input("x",
                Data::floats({1, 2, p.in}, {x.begin() + row * p.in, x.begin() + (row + 2) * p.in})),
        g.constant("w", random_floats({kExperts, p.in, p.out}, 8, -1, 1)),
        g.input("experts",
                Data::integers({1, 2}, {experts[size_t(row)], experts[size_t(row) + 1]}))};
    const uint32_t y = g.activation("y", WEFT_F32, {1, 2, p.out});
    g.node("ExpertMatMul", in, {y}, {}, "weft");
    g.outputs = {y};
    EXPECT_EQ(device().run(g)[0].floats(),
              std::vector<float>(want.begin() + row * p.out, want.begin() + (row + 2) * p.out));
  }
}

}  // namespace
}  // namespace weft::test
