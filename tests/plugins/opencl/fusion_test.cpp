// Pairs of nodes that one kernel runs: which are found, and that they give the bits of each alone.
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(OpenclFusion);

using Claims = std::vector<std::vector<uint32_t>>;

// A gate and a skip with a norm behind it; with `apart` what lies between them is an output too.
Graph block(int64_t rows, int64_t n, bool apart) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({1, rows, n}, 1));
  const uint32_t a = g.input("a", random_floats({1, rows, n}, 2));
  const uint32_t b = g.input("b", random_floats({1, rows, n}, 3));
  const uint32_t scale = g.constant("scale", random_floats({n}, 4));
  const auto floats = [&](const char* name) { return g.activation(name, WEFT_F32, {1, rows, n}); };
  const uint32_t swish = floats("swish"), gated = floats("gated"), sum = floats("sum"),
                 norm = floats("norm");
  g.node("Swish", {a}, {swish}, {{"alpha", 1.5f}});
  g.node("Mul", {b, swish}, {gated});
  g.node("Add", {x, gated}, {sum});
  g.node("RMSNormalization", {sum, scale}, {norm}, {{"epsilon", 1e-6f}});
  g.outputs = {norm};
  if (apart) g.outputs = {norm, swish, sum};
  return g;
}

TEST_P(OpenclFusion, pairs_are_claimed_as_one_and_agree_with_the_reference) {
  for (int64_t rows : {1, 3})
    for (int64_t n : {1, 16, 33, 130})
      for (bool apart : {false, true}) {
        Graph g = block(rows, n, apart);
        expect_like_reference(g, std::to_string(n), 5e-6f);
        Claims claims;
        g.set_units({});
        device().claim(g, &claims);
        // A gate's activation that others see too is computed by itself.
        EXPECT_EQ(claims.size(), apart ? 3u : 2u);
      }
}

TEST_P(OpenclFusion, the_bits_are_those_of_each_node_alone) {
  const int64_t rows = 3, n = 77;
  Graph fused = block(rows, n, false);
  const std::vector<float> want = device().run(fused)[0].floats();
  Data x = fused.input_data(fused.inputs[0]), a = fused.input_data(fused.inputs[1]),
       b = fused.input_data(fused.inputs[2]);
  const auto alone = [&](const char* op, std::vector<Data> in, int constant,
                         std::map<std::string, Attribute> attrs) {
    Graph g;
    std::vector<uint32_t> values;
    for (size_t i = 0; i < in.size(); i++)
      values.push_back(int(i) == constant ? g.constant("c", in[i]) : g.input("i", in[i]));
    const uint32_t y = g.activation("y", WEFT_F32, {1, rows, n});
    g.node(op, values, {y}, attrs);
    g.outputs = {y};
    return device().run(g)[0];
  };
  const Data swish = alone("Swish", {a}, -1, {{"alpha", 1.5f}});
  const Data sum = alone("Add", {x, alone("Mul", {b, swish}, -1, {})}, -1, {});
  const Data norm =
      alone("RMSNormalization", {sum, random_floats({n}, 4)}, 1, {{"epsilon", 1e-6f}});
  EXPECT_EQ(norm.floats(), want);
}

TEST_P(OpenclFusion, what_broadcasts_or_squares_itself_is_left_apart) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 8}, 1));
  const uint32_t bias = g.constant("bias", random_floats({8}, 2));
  const uint32_t scale = g.constant("scale", random_floats({8}, 3));
  const auto floats = [&](const char* name) { return g.activation(name, WEFT_F32, {2, 8}); };
  const uint32_t swish = floats("swish"), square = floats("square"), sum = floats("sum"),
                 norm = floats("norm");
  g.node("Swish", {x}, {swish});
  g.node("Mul", {swish, swish}, {square});
  g.node("Add", {square, bias}, {sum});
  g.node("RMSNormalization", {sum, scale}, {norm});
  g.outputs = {norm};
  Claims claims;
  device().claim(g, &claims);
  EXPECT_EQ(claims.size(), 4u);
  expect_like_reference(g, "apart", 5e-6f);
}

}  // namespace
}  // namespace weft::test
