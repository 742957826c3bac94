// The cpu plugin's elementwise, normalizing and moving ops against the reference, at lengths around
// the vector width.
#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

TEST(CpuElementwise, unary_ops_agree_with_the_reference) {
  for (const char* op : {"Neg", "Abs", "Exp", "Erf", "Tanh", "Cos", "Sin", "Sigmoid", "Relu",
                         "Gelu", "Swish", "Floor", "Ceil", "Round", "Sqrt", "Log", "Reciprocal"})
    for (int64_t n : {1, 15, 16, 17, 1000}) {
      Graph g = unary(op, n);
      expect_like_reference(g, op, 2e-6f);
    }
}

TEST(CpuElementwise, exp_is_accurate_over_its_whole_range_and_keeps_the_special_values) {
  std::vector<float> x;
  for (float v = -86; v < 88; v += 0.037f) x.push_back(v);
  const size_t regular = x.size();
  for (float v : {-INFINITY, -200.0f, 100.0f, INFINITY, NAN}) x.push_back(v);
  Graph g;
  const uint32_t in = g.input("x", Data::floats({int64_t(x.size())}, x));
  const uint32_t y = g.activation("y", WEFT_F32, {int64_t(x.size())});
  g.node("Exp", {in}, {y});
  g.outputs = {y};
  for (const std::string& isa : instruction_sets()) {
    const std::vector<float> got = Device("cpu", 1, {{"isa", isa}}).run(g)[0].floats();
    for (size_t i = 0; i < regular; i++)
      EXPECT_NEAR(got[i] / std::exp(double(x[i])), 1, 3e-7) << x[i] << " on " << isa;
    EXPECT_EQ(got[regular], 0.0f);
    EXPECT_EQ(got[regular + 1], 0.0f);
    EXPECT_EQ(got[regular + 2], INFINITY);
    EXPECT_EQ(got[regular + 3], INFINITY);
    EXPECT_TRUE(std::isnan(got[regular + 4]));
  }
}

TEST(CpuElementwise, binary_ops_broadcast_like_the_reference) {
  const Shapes cases[] = {{{2, 17}, {2, 17}, {2, 17}},          {{3, 40}, {40}, {3, 40}},
                          {{3, 40}, {3, 1}, {3, 40}},           {{1, 33}, {4, 1}, {4, 33}},
                          {{2, 3, 4}, {3, 1}, {2, 3, 4}},       {{}, {5}, {5}},
                          {{2, 1, 16}, {1, 5, 16}, {2, 5, 16}}, {{0, 4}, {4}, {0, 4}}};
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min"})
    for (const Shapes& shapes : cases) {
      Graph g = binary(op, shapes);
      expect_like_reference(g, op, 1e-6f);
    }
}

TEST(CpuNorm, normalizations_and_softmax_agree_with_the_reference) {
  for (int64_t n : {1, 15, 16, 33, 576}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({3, n}, 1));
    const uint32_t weight = g.constant("weight", random_floats({n}, 2));
    const uint32_t bias = g.constant("bias", random_floats({n}, 3));
    std::vector<uint32_t> y;
    for (const char* name : {"rms", "layer", "soft"})
      y.push_back(g.activation(name, WEFT_F32, {3, n}));
    g.node("RMSNormalization", {x, weight}, {y[0]}, {{"epsilon", 1e-6f}});
    g.node("LayerNormalization", {x, weight, bias}, {y[1]});
    g.node("Softmax", {x}, {y[2]});
    g.outputs = y;
    expect_like_reference(g, "norms", 5e-6f);
  }
}

TEST(CpuPlugin, an_isa_that_does_not_exist_is_an_error_in_words) {
  try {
    Device device("cpu", 1, {{"isa", "avx9"}});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("avx9"), std::string::npos);
  }
}

}  // namespace
}  // namespace weft::test
