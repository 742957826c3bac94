// Every op of the opencl plugin against the reference, for both families and both kinds of memory,
// at shapes chosen to break vectors, panels and tiles.
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(OpenclOps);

TEST_P(OpenclOps, unary_ops_agree_with_the_reference) {
  for (const char* op : {"Neg", "Abs", "Exp", "Erf", "Tanh", "Sigmoid", "Relu", "Gelu", "Swish",
                         "Sqrt", "Reciprocal", "Log", "Cos", "Sin", "Floor", "Ceil", "Round"})
    for (int64_t n : {1, 127, 128, 129}) {
      Graph g = unary(op, n);
      expect_like_reference(g, op, 2e-6f);
    }
}

TEST_P(OpenclOps, attributes_of_activations_count) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({3, 50}, 4));
  const uint32_t gelu = g.activation("gelu", WEFT_F32, {3, 50});
  const uint32_t swish = g.activation("swish", WEFT_F32, {3, 50});
  g.node("Gelu", {x}, {gelu}, {{"approximate", std::string("tanh")}});
  g.node("Swish", {x}, {swish}, {{"alpha", 1.702f}});
  g.outputs = {gelu, swish};
  expect_like_reference(g, "attributes", 2e-6f);
}

TEST_P(OpenclOps, binary_ops_broadcast_like_the_reference) {
  const Shapes cases[] = {{{2, 17}, {2, 17}, {2, 17}},
                          {{3, 40}, {40}, {3, 40}},
                          {{3, 40}, {3, 1}, {3, 40}},
                          {{1, 33}, {4, 1}, {4, 33}},
                          {{2, 3, 4}, {3, 1}, {2, 3, 4}},
                          {{}, {5}, {5}},
                          {{2, 1, 16}, {1, 5, 16}, {2, 5, 16}},
                          {{2, 3, 1, 5}, {3, 4, 1}, {2, 3, 4, 5}},
                          {{1, 1, 2, 1, 3}, {1, 1, 2, 1, 3}, {1, 1, 2, 1, 3}},
                          {{1, 2, 1, 2, 1, 2}, {2, 1, 2, 1, 2}, {1, 2, 2, 2, 2, 2}},
                          {{70}, {1}, {70}},
                          {{0, 4}, {4}, {0, 4}}};
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min"})
    for (const Shapes& shapes : cases) {
      Graph g = binary(op, shapes);
      expect_like_reference(g, op, 1e-6f);
    }
}

TEST_P(OpenclOps, normalizations_and_softmax_agree_with_the_reference) {
  for (int64_t n : {1, 15, 16, 33, 63, 64, 65, 576}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({3, n}, 1));
    const uint32_t weight = g.constant("weight", random_floats({n}, 2));
    const uint32_t bias = g.constant("bias", random_floats({n}, 3));
    std::vector<uint32_t> y;
    for (const char* name : {"rms", "layer", "plain", "soft"})
      y.push_back(g.activation(name, WEFT_F32, {3, n}));
    g.node("RMSNormalization", {x, weight}, {y[0]}, {{"epsilon", 1e-6f}});
    g.node("LayerNormalization", {x, weight, bias}, {y[1]});
    g.node("LayerNormalization", {x, weight}, {y[2]});
    g.node("Softmax", {x}, {y[3]});
    g.outputs = y;
    expect_like_reference(g, "norms of " + std::to_string(n), 5e-6f);
  }
}

TEST_P(OpenclOps, a_norm_over_several_dims_is_one_row) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 3, 10}, 1));
  const uint32_t weight = g.input("weight", random_floats({3, 10}, 2));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 3, 10});
  g.node("RMSNormalization", {x, weight}, {y}, {{"axis", int64_t(1)}});
  g.outputs = {y};
  expect_like_reference(g, "axis 1", 5e-6f);
}

TEST_P(OpenclOps, matmul_takes_weights_in_either_order_and_any_shape) {
  for (const bool column_major : {false, true})
    for (int64_t m : {1, 2, 7, 8, 9, 65})
      for (int64_t n : {1, 15, 16, 17, 70})
        for (int64_t k : {1, 3, 40}) {
          Random random(uint32_t(m * 7919 + k * 31 + n));
          Graph g;
          const uint32_t x = g.input("x", Data::floats({1, m, k}, random.reals(m * k)));
          const uint32_t w = column_major
                                 ? g.column_major("w", k, n, random.reals(k * n))
                                 : g.constant("w", Data::floats({k, n}, random.reals(k * n)));
          const uint32_t y = g.activation("y", WEFT_F32, {1, m, n});
          g.node("MatMul", {x, w}, {y});
          g.outputs = {y};
          expect_like_reference(g, std::to_string(m) + "x" + std::to_string(k) + "x" +
                                       std::to_string(n) + (column_major ? " columns" : " rows"));
        }
}

TEST_P(OpenclOps, matmul_takes_large_shapes_and_a_vector) {
  struct Case {
    std::vector<int64_t> x;
    int64_t n;
  };
  for (const Case& c : std::vector<Case>{{{130, 300}, 200}, {{300}, 1000}, {{0, 8}, 5}}) {
    const int64_t k = c.x.back();
    Graph g;
    std::vector<int64_t> shape = c.x;
    shape.back() = c.n;
    const uint32_t in = g.input("x", random_floats(c.x, 3));
    const uint32_t w = g.constant("w", random_floats({k, c.n}, 4));
    const uint32_t y = g.activation("y", WEFT_F32, dims(shape));
    g.node("MatMul", {in, w}, {y});
    g.outputs = {y};
    expect_like_reference(g, "large");
  }
}

TEST_P(OpenclOps, matmul_multiplies_activations_whose_batches_match_or_are_one) {
  for (const Shapes& shapes : std::vector<Shapes>{{{3, 5}, {5, 17}, {3, 17}},
                                                  {{2, 3, 5}, {2, 5, 33}, {2, 3, 33}},
                                                  {{2, 3, 50, 7}, {1, 1, 7, 16}, {2, 3, 50, 16}},
                                                  {{1, 300}, {2, 300, 1}, {2, 1, 1}},
                                                  {{2, 4, 5}, {5, 20}, {2, 4, 20}}}) {
    Graph g = binary("MatMul", shapes);
    expect_like_reference(g, "activations");
  }
}

// A gated block with symbolic rows: kernels follow each other through the workspace, and shapes
// change from run to run.
TEST_P(OpenclOps, a_block_of_ops_runs_at_every_length) {
  for (const int64_t rows : {1, 5, 40}) {
    Random random(uint32_t{5});
    Graph g;
    const uint32_t seq = g.slot(1, 64);
    const D s = D::slot(seq);
    const uint32_t x =
        g.input("x", Data::floats({1, rows, 24}, random.reals(rows * 24)), {1, s, 24});
    const uint32_t scale = g.constant("scale", Data::floats({24}, random.reals(24)));
    const uint32_t gate = g.constant("gate", Data::floats({24, 50}, random.reals(24 * 50)));
    const uint32_t up = g.constant("up", Data::floats({24, 50}, random.reals(24 * 50)));
    const uint32_t down = g.constant("down", Data::floats({50, 24}, random.reals(50 * 24)));
    const auto wide = [&](const char* name) { return g.activation(name, WEFT_F32, {1, s, 50}); };
    const auto narrow = [&](const char* name) { return g.activation(name, WEFT_F32, {1, s, 24}); };
    const uint32_t n = narrow("n"), a = wide("a"), b = wide("b"), c = wide("c"), d = wide("d"),
                   e = narrow("e"), y = narrow("y");
    g.node("RMSNormalization", {x, scale}, {n});
    g.node("MatMul", {n, gate}, {a});
    g.node("Swish", {a}, {b});
    g.node("MatMul", {n, up}, {c});
    g.node("Mul", {b, c}, {d});
    g.node("MatMul", {d, down}, {e});
    g.node("Add", {x, e}, {y});
    g.outputs = {y};
    RunOptions options;
    options.slots = {rows};
    expect_like_reference(g, std::to_string(rows) + " rows", 1e-5f, options);
  }
}

// ------------------------------------------------------------------ refusals
struct Refusing : OpenclOps {};
INSTANTIATE_TEST_SUITE_P(Variants, Refusing, testing::ValuesIn(targets()), name_of_target);

TEST_P(Refusing, each_reason_is_a_code_and_a_sentence) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 32}, 1));
  const uint32_t wide = g.input("wide", Data::zeros(WEFT_F64, {2, 2}));
  const uint32_t ids = g.input("ids", Data::integers({1}, {1}));
  Graph::Quantized q;
  q.rows = 32;
  q.cols = 8;
  q.codes.assign(32 * 8, 3);
  q.scales.assign(8, 1.0f);
  const uint32_t w = g.quantized("w", q);
  const auto y = [&](std::vector<D> shape, weft_dtype dtype = WEFT_F32) {
    return g.activation("y", dtype, std::move(shape));
  };
  g.node("NonZero", {x}, {y({2, 1}, WEFT_I64)});
  g.node("Add", {wide, wide}, {y({2, 2}, WEFT_F64)});
  g.node("Neg", {w}, {y({32, 8})});
  g.node("Slice", {x, ids, ids}, {y({1, 32})});
  g.node("Softmax", {x}, {y({2, 32})}, {{"axis", int64_t(0)}});
  g.node("Add", {x, x}, {y({2, 32})});
  std::vector<std::vector<uint32_t>> claimed;
  Device device = open();
  const std::vector<Refused> refused = device.claim(g, &claimed);
  EXPECT_EQ(claimed, (std::vector<std::vector<uint32_t>>{{5}}));
  const uint32_t codes[] = {WEFT_REFUSE_OP, WEFT_REFUSE_DTYPE, WEFT_REFUSE_QUANT,
                            WEFT_REFUSE_DYNAMIC, WEFT_REFUSE_ATTRIBUTE};
  const char* words[] = {"NonZero", "f64", "u4", "computed while", "last axis"};
  ASSERT_EQ(refused.size(), 5u);
  for (uint32_t i = 0; i < 5; i++) {
    EXPECT_EQ(refused[i].node, i);
    EXPECT_EQ(refused[i].code, codes[i]) << refused[i].why;
    EXPECT_NE(refused[i].why.find(words[i]), std::string::npos) << refused[i].why;
  }
}

TEST_P(Refusing, a_list_longer_than_is_read_beforehand) {
  Graph g;
  const uint32_t cache = g.input("cache", Data::zeros(WEFT_F32, {65, 4, 2}));
  const uint32_t update = g.input("update", Data::zeros(WEFT_F32, {65, 1, 2}));
  const uint32_t at = g.constant("at", Data::zeros(WEFT_I64, {65}));
  const uint32_t y = g.activation("y", WEFT_F32, {65, 4, 2});
  g.node("TensorScatter", {cache, update, at}, {y});
  const std::vector<Refused> refused = open().claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].why,
            "input 2 of TensorScatter is a longer list than opencl reads beforehand");
}

TEST_P(Refusing, a_tensor_too_large_for_one_buffer) {
  Graph g;
  const uint32_t rows = g.slot(1, int64_t(1) << 40);
  const uint32_t x = g.input("x", random_floats({1, 4}, 1), {D::slot(rows), 4});
  const uint32_t y = g.activation("y", WEFT_F32, {D::slot(rows), 4});
  g.node("Neg", {x}, {y});
  const std::vector<Refused> refused = open().claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].code, WEFT_REFUSE_LIMIT);
  EXPECT_NE(refused[0].why.find("one buffer of this device"), std::string::npos);
}

TEST_P(Refusing, a_buffer_larger_than_the_device_gives) {
  Device device = open();
  weft_device_info info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(device.api().device_info(device.api().self, 0, &info, nullptr), WEFT_OK);
  weft_error error{};
  error.struct_size = sizeof error;
  weft_buffer* buffer = nullptr;
  weft_buffer_desc desc{sizeof desc, 0, info.max_buffer + 1, "test"};
  EXPECT_EQ(device.api().buffer_alloc(device.handle(), &desc, &buffer, &error),
            WEFT_E_OUT_OF_MEMORY);
  EXPECT_NE(std::strstr(error.message, "at most"), nullptr) << error.message;
}

}  // namespace
}  // namespace weft::test
