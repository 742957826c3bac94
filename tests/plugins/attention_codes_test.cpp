// KV caches of int8 codes on the cpu: rows of codes are those of the reference to the byte, and
// attention over them is the reference's.
#include "tests/plugins/attention_cases.h"

namespace weft::test {
namespace {

TEST(CpuAttention, reads_a_cache_of_codes) {
  const Case cases[] = {
      {"one key"},
      {"size 1", 1, 3, 70, 2, 1, 1, 1, 66},
      {"size 1, one row", 1, 1, 70, 2, 1, 1, 1, 66},
      {"size 31", 1, 1, 70, 2, 1, 31, 31, 66},
      {"size 32", 1, 1, 140, 4, 2, 32, 32, 129},
      {"size 33", 1, 4, 70, 2, 1, 33, 33, 66},
      {"decode", 1, 1, 200, 9, 3, 64, 64, 130},
      {"many blocks", 1, 1, 600, 9, 3, 64, 64, 577},
      {"a block less one key", 1, 1, 63, 9, 3, 64, 64, 63},
      {"a block and one key", 1, 1, 65, 9, 3, 64, 64, 65},
      {"few rows", 2, 3, 200, 6, 2, 64, 64, 190},
      {"many rows", 1, 70, 140, 9, 3, 64, 64, 133},
      {"sizes that differ", 1, 4, 70, 2, 1, 18, 13, 66},
      {"sizes that differ, one row", 1, 1, 70, 2, 1, 18, 48, 66},
      {"head size 80", 1, 1, 140, 4, 2, 80, 80, 130},
      {"head size 80, rows", 1, 9, 140, 4, 2, 80, 80, 130},
      {"head size 128", 1, 20, 140, 4, 1, 128, 128, 129},
      {"float mask", 1, 6, 67, 2, 1, 16, 16, -1, false, 0, 0, -1, 1},
      {"bool mask", 2, 6, 67, 2, 1, 16, 16, -1, false, 0, 0, -1, 2},
      {"rows without keys", 1, 4, 8, 2, 1, 16, 16, 2},
      {"no key at all", 1, 1, 8, 4, 2, 16, 16, 0, true, 0, 0, -1, 0, true},
      {"window, sinks, soft cap", 1, 1, 300, 4, 2, 64, 64, 290, true, 3.0f, 0, 70, 0, true, true},
  };
  for (const Case& c : cases) {
    for (const auto& [keys, values] : {std::pair(true, true), {true, false}, {false, true}}) {
      Case one = c;
      one.k_codes = keys, one.v_codes = values;
      Graph g;
      attention_graph(g, one);
      expect_like_reference(g, c.name, 2e-5f);
    }
  }
}

TEST(CpuAttention, a_nan_among_values_shows_in_its_block_of_codes_alone) {
  Graph g;
  attention_graph(g, codes_of({"nan", 1, 1, 3, 1, 1, 40, 40, 3}));
  Data& values = g.input_data(g.inputs[2]);
  std::vector<float> v = values.floats();
  v[40 + 35] = std::nanf("");  // the second key, the second block
  values = Data::floats(values.shape, v);
  for (const std::string& isa : instruction_sets()) {
    const std::vector<float> y = Device("cpu", 1, {{"isa", isa}}).run(g)[0].floats();
    for (size_t i = 0; i < 40; i++)
      EXPECT_EQ(std::isnan(y[i]), i >= 32) << isa << ", element " << i;
  }
}

TEST(CpuAttention, refuses_codes_that_are_as_wide_as_no_head) {
  Graph g;
  const uint32_t q = g.input("q", random_floats({1, 2, 16}, 1));
  const uint32_t k = g.input("k", Data::zeros(WEFT_I8, {1, 2, 16}));
  const uint32_t y = g.activation("y", WEFT_F32, {1, 2, 16});
  g.node("SinkAttention", {q, k, k}, {y},
         {{"q_num_heads", int64_t(1)}, {"kv_num_heads", int64_t(1)}, {"v_head_size", int64_t(16)}},
         "weft");
  g.outputs = {y};
  const std::vector<Refused> refused = Device("cpu").claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].why, "heads of codes are not as wide as their elements make them");
}

TEST(CpuQuantizeRows, gives_the_bytes_of_the_reference) {
  for (const int64_t size : {1, 3, 31, 32, 33, 64, 80, 100}) {
    for (const float width : {1e-7f, 2e-5f, 1.0f, 70.0f, 1e7f}) {
      Graph g;
      const int64_t heads = 3, rows = 5;
      Data data = random_floats({1, rows, heads * size}, uint32_t(size), -width, width);
      std::vector<float> x = data.floats();
      x[0] = x[size_t(size)] = 127 * width, x[1] = 62.5f * width;
      for (int64_t i = 0; i < size; i++) x[size_t(2 * size + i)] = 0;
      x[size_t(4 * size)] = std::nanf("");
      x[size_t(5 * size)] = -INFINITY;
      data = Data::floats(data.shape, x);
      const uint32_t from = g.input("x", data);
      const uint32_t y = g.activation("y", WEFT_I8, {1, rows, heads * quant::code_row_bytes(size)});
      g.node("QuantizeRows", {from}, {y}, {{"size", size}}, "weft");
      g.outputs = {y};
      expect_like_reference(g, "rows of " + std::to_string(size));
    }
  }
}

}  // namespace
}  // namespace weft::test
