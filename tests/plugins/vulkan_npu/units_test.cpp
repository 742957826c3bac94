// What stands around the products of the emulated NPU, bit for bit as the reference has it: codes
// made and read at the borders, ops between codes, and what is claimed as one.
#include <cmath>

#include "tests/plugins/vulkan_npu/products.h"

namespace weft::test {
namespace {

Data reals(std::vector<int64_t> shape, uint32_t seed, float most) {
  Data data = Data::zeros(WEFT_F32, shape);
  Random random(seed);
  std::vector<float> values(size_t(data.count()));
  for (float& value : values) value = random.real(-most, most);
  return Data::floats(std::move(shape), values);
}

uint32_t zero_of(Graph& g, int zero) { return g.constant("zero", codes({}, 1, zero, zero)); }

uint32_t quantize(Graph& g, uint32_t x, std::vector<D> dims, float scale, int zero = 0) {
  const uint32_t q = g.activation("q", WEFT_I8, std::move(dims));
  g.node("QuantizeLinear", {x, scalar(g, "s", scale), zero_of(g, zero)}, {q});
  return q;
}

uint32_t dequantize(Graph& g, uint32_t x, std::vector<D> dims, float scale, int zero = 0) {
  const uint32_t y = g.activation("r", WEFT_F32, std::move(dims));
  g.node("DequantizeLinear", {x, scalar(g, "s", scale), zero_of(g, zero)}, {y});
  return y;
}

// Product of `q` [m, k] by random codes; its sums.
uint32_t sums(Graph& g, uint32_t q, int64_t m, int64_t k, int64_t n, uint32_t seed) {
  const uint32_t i = g.activation("i", WEFT_I32, {m, n});
  g.node("MatMulInteger", {q, g.constant("w", codes({k, n}, seed, -127, 127))}, {i});
  return i;
}

uint32_t scales(Graph& g, int64_t n) {
  std::vector<float> values;
  for (int64_t i = 0; i < n; i++) values.push_back(0.0001f * float(i % 7 + 1));
  return g.constant("scales", Data::floats({n}, values));
}

// On the NPU all of it, in `units`, and equal to the reference at three places in memory.
void expect_same(const std::function<void(Graph&)>& build, size_t units) {
  Npu npu;
  Device reference("reference");
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4}, uint64_t{72}}) {
    Graph g;
    build(g);
    std::vector<std::vector<uint32_t>> claimed;
    const auto refused = npu.claim(g, &claimed);
    EXPECT_TRUE(refused.empty()) << refused[0].why;
    EXPECT_EQ(claimed.size(), units);
    const auto want = reference.run(g);
    RunOptions options;
    options.view_offset = offset;
    const auto got = npu.run(g, options);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); i++)
      EXPECT_EQ(got[i].bytes, want[i].bytes) << "output " << i << ", views at " << offset;
  }
}

TEST(VulkanNpuUnits, a_linear_from_reals_to_reals_is_two_units) {
  NEEDS_NPU();
  for (const int64_t m : {1, 7, 16})
    for (const bool by_column : {true, false})
      expect_same(
          [&](Graph& g) {
            const uint32_t q = quantize(g, g.input("x", reals({m, 67}, 1, 3)), {m, 67}, 0.02f);
            const uint32_t i = sums(g, q, m, 67, 33, 2);
            const uint32_t y = g.activation("y", WEFT_F32, {m, 33});
            g.node("DequantizeLinear", {i, by_column ? scales(g, 33) : scalar(g, "s", 0.003f)}, {y},
                   {{"axis", int64_t{-1}}});
            g.outputs = {y};
          },
          2);
}

// Rows of three products are packed once, whatever lies between their uses.
TEST(VulkanNpuUnits, products_of_one_value_share_its_rows) {
  NEEDS_NPU();
  expect_same(
      [&](Graph& g) {
        const int64_t m = 5;
        const uint32_t q = quantize(g, g.input("x", reals({m, 35}, 1, 3)), {m, 35}, 0.02f);
        const uint32_t other = quantize(g, g.input("z", reals({m, 13}, 5, 3)), {m, 13}, 0.03f);
        for (const uint32_t seed : {2u, 3u}) g.outputs.push_back(sums(g, q, m, 35, 20, seed));
        g.outputs.push_back(sums(g, other, m, 13, 9, 4));
        g.outputs.push_back(sums(g, q, m, 35, 20, 5));
      },
      6);
}

// Halves between codes, ends of the range, numbers that are none.
TEST(VulkanNpuUnits, codes_of_reals_are_those_of_the_definition) {
  NEEDS_NPU();
  const float inf = std::numeric_limits<float>::infinity();
  for (const float scale : {0.1f, 1.0f, 0.0371f, 1e-12f, 3e9f})
    for (const int zero : {0, -5, 100}) {
      std::vector<float> x = {0, -0.0f, inf, -inf, std::nanf(""), 1e-38f, -1e-38f};
      for (int i = -300; i <= 300; i++) {
        const float half = (float(i) + 0.5f) * scale;
        for (const float v : {half, std::nextafter(half, inf), std::nextafter(half, -inf)})
          x.push_back(v);
      }
      const int64_t count = int64_t(x.size());
      expect_same(
          [&](Graph& g) {
            const Data data = Data::floats({count, 1}, x);
            // A product makes it the NPU's work; it reads codes whose zero point is 0.
            const uint32_t q = quantize(g, g.input("x", data), {count, 1}, scale, zero);
            g.outputs = {q, sums(g, q, count, 1, 3, 2)};
          },
          2);
    }
}

TEST(VulkanNpuUnits, a_function_between_codes_is_a_table) {
  NEEDS_NPU();
  const std::vector<std::pair<const char*, std::map<std::string, Attribute>>> functions = {
      {"Relu", {}}, {"Sigmoid", {}}, {"Tanh", {}},
      {"Erf", {}},  {"Swish", {}},   {"Swish", {{"alpha", 1.702f}}},
      {"Gelu", {}}, {"Neg", {}},     {"Gelu", {{"approximate", std::string("tanh")}}},
      {"Abs", {}}};
  for (const auto& [op, attributes] : functions)
    for (const int zero : {0, 3})
      expect_same(
          [&](Graph& g) {
            Data every = Data::zeros(WEFT_I8, {3, 257});
            for (size_t i = 0; i < every.bytes.size(); i++) every.bytes[i] = char(i);
            const uint32_t x = dequantize(g, g.input("x", every), {3, 257}, 0.031f, zero);
            const uint32_t y = g.activation("f", WEFT_F32, {3, 257});
            g.node(op, {x}, {y}, attributes);
            g.outputs = {quantize(g, y, {3, 257}, 0.017f, zero)};
          },
          1);
}

// All pairs of codes; scales that make sums and products fall on halves, and odd ones.
TEST(VulkanNpuUnits, products_and_sums_of_codes_are_those_of_the_definition) {
  NEEDS_NPU();
  Data left = Data::zeros(WEFT_I8, {256, 256}), right = left;
  for (size_t i = 0; i < left.bytes.size(); i++) {
    left.bytes[i] = char(i / 256);
    right.bytes[i] = char(i);
  }
  for (const char* op : {"Mul", "Add"})
    for (const float y_scale : {0.25f, 0.0137f})
      for (const int zero : {0, -9})
        expect_same(
            [&](Graph& g) {
              const std::vector<D> dims = {256, 256};
              const uint32_t a = dequantize(g, g.input("a", left), dims, 0.5f, zero);
              const uint32_t b = dequantize(g, g.input("b", right), dims, 0.013f);
              const uint32_t y = g.activation("y", WEFT_F32, dims);
              g.node(op, {a, b}, {y});
              g.outputs = {quantize(g, y, dims, y_scale, zero)};
            },
            1);
}

// gate and up, SiLU, product, down: from reals to reals without a float between.
void gated(Graph& g, int64_t m, int64_t k, int64_t n) {
  const uint32_t q = quantize(g, g.input("x", reals({m, k}, 1, 3)), {m, k}, 0.03f);
  const auto branch = [&](uint32_t seed) {
    const uint32_t y = g.activation("y", WEFT_I8, {m, n});
    g.node("QLinearMatMul",
           qlinear_inputs(g, q, g.constant("w", codes({k, n}, seed, -127, 127)), n, 0.7f, true),
           {y});
    return dequantize(g, y, {m, n}, 0.7f);
  };
  const uint32_t gate = branch(2), up = branch(3);
  const uint32_t swish = g.activation("swish", WEFT_F32, {m, n});
  g.node("Swish", {gate}, {swish});
  const uint32_t activated = dequantize(g, quantize(g, swish, {m, n}, 0.3f), {m, n}, 0.3f);
  const uint32_t product = g.activation("product", WEFT_F32, {m, n});
  g.node("Mul", {activated, up}, {product});
  const uint32_t i = sums(g, quantize(g, product, {m, n}, 5.0f), m, n, k, 4);
  const uint32_t y = g.activation("down", WEFT_F32, {m, k});
  g.node("DequantizeLinear", {i, scales(g, k)}, {y}, {{"axis", int64_t{-1}}});
  g.outputs = {y};
}

TEST(VulkanNpuUnits, a_gated_mlp_is_one_program_between_reals) {
  NEEDS_NPU();
  // quantize, gate, up, table, product of codes, down with its scales
  expect_same([&](Graph& g) { gated(g, 9, 40, 56); }, 6);
  expect_same([&](Graph& g) { gated(g, 16, 24, 13); }, 6);
}

TEST(VulkanNpuUnits, a_stored_program_brings_its_tables) {
  NEEDS_NPU();
  Graph g;
  gated(g, 9, 40, 56);
  std::vector<char> blob;
  RunOptions options;
  options.save_to = &blob;
  const auto want = Npu().run(g, options);
  Npu npu;
  RunOptions stored;
  stored.blob = blob.data();
  stored.blob_size = blob.size();
  EXPECT_EQ(npu.run(g, stored)[0].bytes, want[0].bytes);
  // Other tables make it another program's.
  Graph other;
  const uint32_t q = quantize(other, other.input("x", reals({2, 8}, 1, 3)), {2, 8}, 0.5f);
  other.outputs = {sums(other, q, 2, 8, 3, 9)};
  EXPECT_THROW(npu.run(other, stored), std::runtime_error);
}

struct Refusing {
  const char* what;
  const char* words;
  size_t claims, refusals;
  std::function<void(Graph&)> build;
};

TEST(VulkanNpuUnits, what_has_no_neighbour_here_is_refused_with_a_reason) {
  NEEDS_NPU();
  const Data x = reals({2, 4}, 1, 3);
  const Refusing cases[] = {
      {"codes that nobody multiplies", "nothing on the NPU multiplies its codes", 0, 1,
       [&](Graph& g) {
         g.outputs = {quantize(g, g.input("x", x), {2, 4}, 0.1f)};
       }},
      {"codes from elsewhere", "do not come from the NPU", 0, 1,
       [&](Graph& g) {
         g.outputs = {dequantize(g, g.input("x", codes({2, 4}, 1)), {2, 4}, 0.1f)};
       }},
      {"sums that others read too", "'i' is i32, the NPU needs i8", 2, 1,
       [&](Graph& g) {
         const uint32_t i = sums(g, quantize(g, g.input("x", x), {2, 4}, 0.1f), 2, 4, 3, 2);
         const uint32_t y = g.activation("y", WEFT_F32, {2, 3});
         g.node("DequantizeLinear", {i, scales(g, 3)}, {y}, {{"axis", int64_t{-1}}});
         g.outputs = {y, i};
       }},
      {"scales of rows", "not those of the columns", 2, 1,
       [&](Graph& g) {
         const Data square = reals({3, 3}, 1, 3);
         const uint32_t i = sums(g, quantize(g, g.input("x", square), {3, 3}, 0.1f), 3, 3, 3, 2);
         const uint32_t y = g.activation("y", WEFT_F32, {3, 3});
         g.node("DequantizeLinear", {i, scales(g, 3)}, {y}, {{"axis", int64_t{0}}});
         g.outputs = {y};
       }},
      {"a float that comes from elsewhere", "float ops do not run on an NPU", 0, 3,
       [&](Graph& g) {
         const uint32_t a = dequantize(g, g.input("a", codes({2, 4}, 1)), {2, 4}, 0.1f);
         const uint32_t y = g.activation("y", WEFT_F32, {2, 4});
         g.node("Mul", {a, g.input("b", x)}, {y});
         g.outputs = {quantize(g, y, {2, 4}, 0.1f)};
       }},
      {"factors of different shapes", "does not broadcast", 0, 4,
       [&](Graph& g) {
         const uint32_t a = dequantize(g, g.input("a", codes({2, 4}, 1)), {2, 4}, 0.1f);
         const uint32_t b = dequantize(g, g.input("b", codes({1, 4}, 2)), {1, 4}, 0.1f);
         const uint32_t y = g.activation("y", WEFT_F32, {2, 4});
         g.node("Mul", {a, b}, {y});
         g.outputs = {quantize(g, y, {2, 4}, 0.1f)};
       }},
  };
  Npu npu;
  for (const Refusing& c : cases) {
    Graph g;
    c.build(g);
    std::vector<std::vector<uint32_t>> claimed;
    const auto refused = npu.claim(g, &claimed);
    EXPECT_EQ(claimed.size(), c.claims) << c.what;
    EXPECT_EQ(refused.size(), c.refusals) << c.what;
    bool said = false;
    for (const Refused& one : refused) said = said || one.why.find(c.words) != std::string::npos;
    EXPECT_TRUE(said) << c.what << ": " << (refused.empty() ? "" : refused[0].why);
  }
}

}  // namespace
}  // namespace weft::test
