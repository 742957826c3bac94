// The emulated NPU's kernels against the reference, bit for bit; what it claims and refuses; its
// memory and its stored programs.
#include <random>

#include "tests/plugins/vulkan_npu/products.h"

namespace weft::test {
namespace {

// Every case on one device, views and workspace at three addresses.
void expect_exact(const std::vector<IntegerCase>& cases,
                  const std::function<void(Graph&, const IntegerCase&)>& build) {
  Npu npu;
  Device reference("reference");
  uint32_t turn = 0;
  for (const IntegerCase& c : cases) {
    Graph g;
    build(g, c);
    std::vector<std::vector<uint32_t>> claimed;
    npu.claim(g, &claimed);
    ASSERT_EQ(claimed.size(), 1u) << name_of(c);
    const Data want = reference.run(g)[0];
    RunOptions options;
    const uint64_t offsets[] = {0, 4, 72};
    options.view_offset = offsets[turn % 3];
    options.workspace_offset = turn++ % 3 * 64;
    const Data got = npu.run(g, options)[0];
    ASSERT_EQ(got.bytes, want.bytes) << name_of(c) << ", views at " << options.view_offset;
  }
}

TEST(VulkanNpu, sums_are_exact_at_every_shape) {
  NEEDS_NPU();
  expect_exact({{1, 1, 1},
                {1, 8, 8},
                {8, 64, 512},
                {16, 64, 520},
                {3, 17, 5},
                {7, 63, 65},
                {9, 512, 513},
                {1, 520, 1030},
                {64, 576, 192},
                {5, 100, 1000},
                {8, 64, 64, -128, 127, true},
                {2, 37, 600, -128, 127, true}},
               matmul_integer);
}

// Floats hold the sums of 512 products at a time; past that they go through integers.
TEST(VulkanNpu, sums_are_exact_at_the_ends_of_the_range) {
  NEEDS_NPU();
  expect_exact({{1, 1040, 3, -128, -128},
                {2, 1040, 9, 127, 127},
                {8, 1041, 8, -128, -128},
                {3, 4096, 17, -128, -128},
                {1, 9001, 2, -128, 127},
                {1, 131071, 1, -128, -128}},
               matmul_integer);
}

// K up to the widest feed-forward of the models NPUs are sold with.
TEST(VulkanNpu, sums_are_exact_at_shapes_of_chance) {
  NEEDS_NPU();
  std::mt19937 random(11);
  const auto between = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  std::vector<IntegerCase> cases = {{3, 11008, 70}};
  for (int i = 0; i < 12; i++) {
    const int64_t k = between(1, 11008), most = 1'500'000 / k;
    const int64_t rows = between(1, std::min<int64_t>(40, most));
    cases.push_back(
        {rows, k, between(1, std::min<int64_t>(700, std::max<int64_t>(1, most / rows)))});
  }
  expect_exact(cases, matmul_integer);
}

TEST(VulkanNpu, requantized_codes_are_those_of_the_reference) {
  NEEDS_NPU();
  const std::vector<IntegerCase> cases = {
      {1, 1, 1},     {4, 64, 512},   {3, 17, 5},  {8, 1040, 40},
      {2, 1300, 70}, {64, 576, 192}, {5, 9, 700}, {8, 64, 64, -128, 127, true}};
  for (const bool per_column : {false, true})
    for (const float y_scale : {0.5f, 0.011f})
      for (const int zero : {0, -7})
        expect_exact(cases, [&](Graph& g, const IntegerCase& c) {
          qlinear_matmul(g, c, y_scale, per_column, zero);
        });
}

TEST(VulkanNpu, codes_saturate_at_both_ends) {
  NEEDS_NPU();
  Npu npu;
  for (const int sign : {-128, 127}) {
    Graph g;
    IntegerCase c{2, 300, 11};
    const uint32_t a = g.input("a", codes({c.m, c.k}, 1, sign, sign));
    const uint32_t y = g.activation("y", WEFT_I8, {c.m, c.n});
    const uint32_t w = g.constant("w", codes({c.k, c.n}, 2, 100, 100));
    g.node("QLinearMatMul", qlinear_inputs(g, a, w, c.n, 1e-9f, false), {y});
    g.outputs = {y};
    EXPECT_EQ(npu.run(g)[0].bytes, codes({c.m, c.n}, 1, sign, sign).bytes);
  }
}

// Halves lie between two codes, and go to the even one.
TEST(VulkanNpu, halves_are_rounded_to_even) {
  NEEDS_NPU();
  Graph g;
  Data rows = Data::zeros(WEFT_I8, {9, 1});
  for (int i = 0; i < 9; i++) rows.bytes[size_t(i)] = char(i - 4);
  Data one = Data::zeros(WEFT_I8, {1, 1});
  one.bytes[0] = 1;
  const uint32_t zero = g.constant("zero", Data::zeros(WEFT_I8, {}));
  const uint32_t y = g.activation("y", WEFT_I8, {9, 1});
  g.node("QLinearMatMul",
         {g.input("a", rows), scalar(g, "as", 0.5f), zero, g.constant("w", one), scalar(g, "ws", 1),
          zero, scalar(g, "ys", 1), zero},
         {y});
  g.outputs = {y};
  const Data got = Npu().run(g)[0];
  EXPECT_EQ(std::vector<int>(got.bytes.begin(), got.bytes.end()),
            (std::vector<int>{-2, -2, -1, 0, 0, 0, 1, 2, 2}));
}

// One product after the other, through the workspace and with more than two dims.
void chain(Graph& g, int64_t rows) {
  const uint32_t a = g.input("a", codes({1, rows, 40}, 1));
  const uint32_t h = g.activation("h", WEFT_I8, {1, rows, 33});
  const uint32_t y = g.activation("y", WEFT_I32, {1, rows, 70});
  const uint32_t z = g.activation("z", WEFT_I8, {1, rows, 12});
  g.node("QLinearMatMul",
         qlinear_inputs(g, a, g.constant("w", codes({40, 33}, 2)), 33, 0.03f, true), {h});
  g.node("MatMulInteger", {h, g.constant("w2", codes({33, 70}, 4))}, {y});
  g.node("QLinearMatMul",
         qlinear_inputs(g, h, g.constant("w3", codes({33, 12}, 5)), 12, 0.1f, false), {z});
  g.outputs = {y, z};
}

TEST(VulkanNpu, products_follow_each_other_in_one_program) {
  NEEDS_NPU();
  Graph g;
  chain(g, 21);
  const auto want = Device("reference").run(g), got = Npu().run(g);
  EXPECT_EQ(got[0].bytes, want[0].bytes);
  EXPECT_EQ(got[1].bytes, want[1].bytes);
}

TEST(VulkanNpu, a_shape_that_is_not_fixed_does_not_compile) {
  NEEDS_NPU();
  Graph g;
  const uint32_t seq = g.slot(1, 16);
  const uint32_t a = g.input("a", codes({5, 24}, 1), {D::slot(seq), 24});
  const uint32_t y = g.activation("y", WEFT_I32, {D::slot(seq), 9});
  g.node("MatMulInteger", {a, g.constant("w", codes({24, 9}, 2))}, {y});
  g.outputs = {y};
  RunOptions options;
  options.slots = {5};
  Npu npu;
  EXPECT_THROW(npu.run(g, options), std::runtime_error);
  options.fix_slots = true;
  EXPECT_EQ(npu.run(g, options)[0].bytes, Device("reference").run(g, options)[0].bytes);
}

struct Refusing {
  const char* what;
  uint32_t code;
  const char* words;
  std::function<void(Graph&)> build;
};

TEST(VulkanNpu, refuses_what_an_npu_does_not_run_and_says_why) {
  NEEDS_NPU();
  const auto integer = [](Graph& g, uint32_t a, uint32_t w, std::vector<uint32_t> zeros = {}) {
    std::vector<uint32_t> inputs = {a, w};
    inputs.insert(inputs.end(), zeros.begin(), zeros.end());
    g.node("MatMulInteger", inputs, {g.activation("y", WEFT_I32, {2, 3})});
  };
  const Refusing cases[] = {
      {"floats", WEFT_REFUSE_OP, "float ops do not run on an NPU",
       [](Graph& g) {
         const uint32_t x = g.input("x", Data::floats({2, 2}, {1, 2, 3, 4}));
         g.node("Relu", {x}, {g.activation("y", WEFT_F32, {2, 2})});
       }},
      {"unsigned codes", WEFT_REFUSE_DTYPE, "is u8",
       [&](Graph& g) {
         integer(g, g.input("a", Data::zeros(WEFT_U8, {2, 4})), g.constant("w", codes({4, 3}, 1)));
       }},
      {"a zero point", WEFT_REFUSE_QUANT, "is not 0",
       [&](Graph& g) {
         integer(g, g.input("a", codes({2, 4}, 1)), g.constant("w", codes({4, 3}, 1)),
                 {g.constant("zero", codes({}, 1, 3, 3))});
       }},
      {"a computed weight", WEFT_REFUSE_OTHER, "needs a constant",
       [&](Graph& g) {
         integer(g, g.input("a", codes({2, 4}, 1)), g.input("w", codes({4, 3}, 1)));
       }},
      {"no bound", WEFT_REFUSE_DYNAMIC, "no upper bound",
       [](Graph& g) {
         const uint32_t n = g.slot(1, -1);
         const uint32_t a = g.input("a", codes({2, 4}, 1), {D::slot(n), 4});
         g.node("MatMulInteger", {a, g.constant("w", codes({4, 3}, 1))},
                {g.activation("y", WEFT_I32, {2, 3})});
       }},
      {"long rows", WEFT_REFUSE_LIMIT, "overflow",
       [&](Graph& g) {
         integer(g, g.input("a", codes({2, 131072}, 1)), g.constant("w", codes({131072, 3}, 1)));
       }},
      {"scales of rows", WEFT_REFUSE_QUANT, "one for the whole tensor",
       [](Graph& g) {
         const uint32_t a = g.input("a", codes({2, 4}, 1));
         auto inputs = qlinear_inputs(g, a, g.constant("w", codes({4, 3}, 1)), 3, 1, false);
         inputs[1] = g.constant("rows", Data::floats({2}, {1, 2}));
         g.node("QLinearMatMul", inputs, {g.activation("y", WEFT_I8, {2, 3})});
       }},
  };
  Npu npu;
  for (const Refusing& c : cases) {
    Graph g;
    c.build(g);
    std::vector<std::vector<uint32_t>> claimed;
    const auto refused = npu.claim(g, &claimed);
    EXPECT_TRUE(claimed.empty()) << c.what;
    ASSERT_EQ(refused.size(), 1u) << c.what;
    EXPECT_EQ(refused[0].code, c.code) << c.what << ": " << refused[0].why;
    EXPECT_NE(refused[0].why.find(c.words), std::string::npos) << refused[0].why;
  }
}

}  // namespace
}  // namespace weft::test
