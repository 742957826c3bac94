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

TEST(CpuElementwise, integers_are_exact) {
  for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
    Graph g;
    const uint32_t a = g.input("a", Data::integers({2, 2}, {7, -9, int64_t(1) << 60, 0}));
    const uint32_t b = g.input("b", Data::integers({2}, {2, -4}));
    const uint32_t y = g.activation("y", WEFT_I64, {2, 2});
    g.node(op, {a, b}, {y});
    g.outputs = {y};
    expect_like_reference(g, op);
  }
}

TEST(CpuElementwise, remainders_take_the_sign_of_divisor_or_dividend) {
  for (int64_t fmod : {0, 1}) {
    Graph g;
    const uint32_t a = g.input("a", Data::integers({2, 3}, {7, -7, 7, -7, 6, INT64_MIN}));
    const uint32_t b = g.input("b", Data::integers({2, 3}, {3, 3, -3, -3, 2, -1}));
    const uint32_t y = g.activation("y", WEFT_I64, {2, 3});
    g.node("Mod", {a, b}, {y}, {{"fmod", fmod}});
    g.outputs = {y};
    expect_like_reference(g, "mod");
  }
  Graph reals;
  const uint32_t a = reals.input("a", random_floats({3, 5}, 1));
  const uint32_t b = reals.input("b", random_floats({5}, 2, 0.5f, 2));
  const uint32_t y = reals.activation("y", WEFT_F32, {3, 5});
  reals.node("Mod", {a, b}, {y}, {{"fmod", int64_t(1)}});
  reals.outputs = {y};
  expect_like_reference(reals, "fmod", 1e-6f);
}

TEST(CpuElementwise, comparisons_agree_with_the_reference) {
  Data bits = Data::zeros(WEFT_BOOL, {4});
  bits.bytes = {0, 1, 0, 1};
  Data others = bits;
  others.bytes = {0, 0, 1, 1};
  for (const char* op : {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) {
    Graph g;
    const uint32_t a = g.input("a", Data::integers({3, 1}, {-1, 4, int64_t(1) << 62}));
    const uint32_t b = g.input("b", Data::integers({4}, {-1, 3, 4, (int64_t(1) << 62) + 1}));
    const uint32_t p = g.input("p", Data::floats({4}, {1, NAN, -2, INFINITY}));
    const uint32_t q = g.input("q", Data::floats({4}, {1, NAN, 2, -INFINITY}));
    const uint32_t y = g.activation("y", WEFT_BOOL, {3, 4});
    const uint32_t z = g.activation("z", WEFT_BOOL, {4});
    g.node(op, {a, b}, {y});
    g.node(op, {p, q}, {z});
    g.outputs = {y, z};
    expect_like_reference(g, op);
  }
  for (const char* op : {"And", "Or", "Equal"}) {
    Graph g;
    const uint32_t a = g.input("a", bits), b = g.input("b", others);
    const uint32_t y = g.activation("y", WEFT_BOOL, {4}), n = g.activation("n", WEFT_BOOL, {4});
    g.node(op, {a, b}, {y});
    g.node("Not", {y}, {n});
    g.outputs = {y, n};
    expect_like_reference(g, op);
  }
}

TEST(CpuElementwise, clip_keeps_elements_within_the_bounds_there_are) {
  for (int bounds : {1, 2, 3}) {
    Graph g;
    std::vector<uint32_t> in = {g.input("x", random_floats({3, 7}, 1)), WEFT_NONE, WEFT_NONE};
    std::vector<uint32_t> whole = {g.input("i", Data::integers({4}, {-9, -1, 3, 12})), WEFT_NONE,
                                   WEFT_NONE};
    if (bounds & 1) {
      in[1] = g.constant("lo", Data::floats({}, {-1}));
      whole[1] = g.constant("least", Data::integers({}, {-2}));
    }
    if (bounds & 2) {
      in[2] = g.constant("hi", Data::floats({}, {0.5f}));
      whole[2] = g.constant("most", Data::integers({}, {5}));
    }
    const uint32_t y = g.activation("y", WEFT_F32, {3, 7});
    const uint32_t n = g.activation("n", WEFT_I64, {4});
    g.node("Clip", in, {y});
    g.node("Clip", whole, {n});
    g.outputs = {y, n};
    expect_like_reference(g, "clip", 0);
  }
}

TEST(CpuElementwise, integers_have_signs) {
  for (const char* op : {"Neg", "Abs", "Relu"}) {
    Graph g;
    const uint32_t x = g.input("x", Data::integers({4}, {-5, 0, 7, INT64_MIN}));
    const uint32_t y = g.activation("y", WEFT_I64, {4});
    g.node(op, {x}, {y});
    g.outputs = {y};
    expect_like_reference(g, op);
  }
}

TEST(CpuElementwise, casts_saturate_reals_and_cut_integers) {
  for (weft_dtype to :
       {WEFT_I64, WEFT_I32, WEFT_U32, WEFT_I16, WEFT_U16, WEFT_I8, WEFT_U8, WEFT_U64, WEFT_BOOL}) {
    Graph g;
    const uint32_t x =
        g.input("x", Data::floats({8}, {0, -0.5f, 1.9f, -1.9f, 1e30f, -1e30f, NAN, 254.5f}));
    const uint32_t i = g.input("i", Data::integers({4}, {-1, 300, int64_t(1) << 40, 0}));
    const uint32_t y = g.activation("y", to, {8}), n = g.activation("n", to, {4});
    const uint32_t back = g.activation("back", WEFT_F32, {4});
    g.node("Cast", {x}, {y}, {{"to", int64_t(to)}});
    g.node("Cast", {i}, {n}, {{"to", int64_t(to)}});
    g.node("Cast", {n}, {back}, {{"to", int64_t(WEFT_F32)}});
    g.outputs = {y, n, back};
    expect_like_reference(g, "cast", 0);
  }
}

TEST(CpuElementwise, halves_are_rounded_to_nearest_even) {
  // Ties up and down, the least subnormals, what overflows, and enough to fill registers.
  std::vector<float> values = {1 + 0x1p-11f, 1 + 0x3p-11f, -2049, 2051,  0x1p-24f, 0x1p-25f,
                               0x1.8p-25f,   -0x1p-14f,    65504, 65519, 65520,    -1e30f,
                               INFINITY,     0.0f,         -0.0f, 1e-30f};
  const std::vector<float> more = Random(7).reals(25, -100, 100);
  values.insert(values.end(), more.begin(), more.end());
  const int64_t n = int64_t(values.size());
  Graph g;
  const uint32_t x = g.input("x", Data::floats({n}, values));
  const uint32_t half = g.activation("half", WEFT_F16, {n});
  const uint32_t back = g.activation("back", WEFT_F32, {n});
  g.node("Cast", {x}, {half}, {{"to", int64_t(WEFT_F16)}});
  g.node("Cast", {half}, {back}, {{"to", int64_t(WEFT_F32)}});
  g.outputs = {back};
  const std::vector<float> want = Device("reference").run(g)[0].floats();
  EXPECT_EQ(want[0], 1.0f);
  EXPECT_EQ(want[10], INFINITY);
  for (const std::string& isa : instruction_sets())
    EXPECT_EQ(Device("cpu", 1, {{"isa", isa}}).run(g)[0].floats(), want) << isa;
}

TEST(CpuElementwise, where_and_cast_agree_with_the_reference) {
  Graph g;
  Data condition = Data::zeros(WEFT_BOOL, {2, 1});
  condition.bytes = {1, 0};
  const uint32_t c = g.input("c", condition);
  const uint32_t a = g.input("a", random_floats({2, 5}, 1));
  const uint32_t b = g.input("b", random_floats({5}, 2));
  const uint32_t w = g.activation("w", WEFT_F32, {2, 5});
  const uint32_t half = g.activation("half", WEFT_F16, {2, 5});
  const uint32_t back = g.activation("back", WEFT_F32, {2, 5});
  const uint32_t whole = g.activation("whole", WEFT_I64, {2, 5});
  g.node("Where", {c, a, b}, {w});
  g.node("Cast", {w}, {half}, {{"to", int64_t(WEFT_F16)}});
  g.node("Cast", {half}, {back}, {{"to", int64_t(WEFT_F32)}});
  g.node("Cast", {w}, {whole}, {{"to", int64_t(WEFT_I64)}});
  g.outputs = {w, back, whole};
  expect_like_reference(g, "where and cast", 0);
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

TEST(CpuMovement, ops_that_move_elements_agree_with_the_reference) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 6, 5}, 1));
  const uint32_t a = g.activation("a", WEFT_F32, {2, 2, 5});
  const uint32_t b = g.activation("b", WEFT_F32, {2, 4, 5});
  const uint32_t joined = g.activation("joined", WEFT_F32, {2, 6, 5});
  const uint32_t turned = g.activation("turned", WEFT_F32, {5, 2, 6});
  const uint32_t cut = g.activation("cut", WEFT_F32, {2, 3, 2});
  const uint32_t wide = g.activation("wide", WEFT_F32, {3, 2, 6, 5});
  const uint32_t flat = g.activation("flat", WEFT_F32, {12, 5});
  const uint32_t picked = g.activation("picked", WEFT_F32, {2, 2, 5});
  g.node("Split", {x, g.contents("sizes", {2, 4})}, {a, b}, {{"axis", int64_t(1)}});
  g.node("Concat", {b, a}, {joined}, {{"axis", int64_t(1)}});
  g.node("Transpose", {x}, {turned}, {{"perm", std::vector<int64_t>{2, 0, 1}}});
  g.node("Slice",
         {x, g.contents("starts", {-1, 1}), g.contents("ends", {-100, 3}),
          g.contents("axes", {1, 2}), g.contents("steps", {-2, 1})},
         {cut});
  g.node("Expand", {x, g.contents("shape", {3, 2, 6, 5})}, {wide});
  g.node("Reshape", {x, g.contents("rows", {12, 5})}, {flat});
  g.node("Gather", {x, g.contents("ids", {5, 0})}, {picked}, {{"axis", int64_t(1)}});
  g.outputs = {joined, turned, cut, wide, flat, picked};
  expect_like_reference(g, "movement", 0);
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
