// Attention on opencl beyond what every backend is tested for: tiny shapes, caches of halves and of
// codes, and the promise that a row's bits do not depend on the rows computed with it.
#include <cmath>

#include "tests/plugins/attention_cases.h"
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(OpenclAttention);

// Shapes that an interpreter of kernels is through with in seconds; see plugins/opencl/README.md.
TEST_P(OpenclAttention, tiny_shapes_of_every_kind_agree_with_the_reference) {
  const Case cases[] = {
      {"one key", 1, 1, 1, 1, 1, 4, 4},
      {"odd sizes", 1, 2, 3, 2, 1, 5, 3, 3},
      {"shared blocks", 1, 1, 70, 2, 1, 4, 4, 67},
      {"window", 1, 2, 70, 2, 2, 4, 4, 69, true, 0, 0, 3},
      {"masks", 2, 2, 5, 2, 1, 4, 4, -1, false, 0, 0, -1, 1},
      {"bools", 2, 2, 5, 2, 1, 4, 4, -1, false, 0, 0, -1, 2},
      {"sinks, slopes, soft cap", 1, 2, 5, 2, 1, 4, 4, 5, true, 3.0f, 0, -1, 0, true, true},
      {"more lanes than one vector", 1, 3, 4, 12, 2, 4, 4, 4},
      {"no key", 1, 1, 3, 2, 1, 4, 4, 0},
      {"halves", 1, 2, 5, 2, 1, 4, 4, 5, true, 0, 0, -1, 0, false, false, true},
      codes_of({"codes", 1, 2, 5, 2, 1, 5, 4, 5}),
  };
  for (const Case& c : cases) {
    Graph g;
    attention_graph(g, c);
    expect_like_reference(g, c.name, 2e-5f);
  }
}

TEST_P(OpenclAttention, reads_caches_of_halves_and_of_codes) {
  const Case cases[] = {
      {"one key"},
      {"decode", 1, 1, 200, 9, 3, 64, 64, 130},
      {"few rows", 2, 3, 200, 6, 2, 64, 64, 190},
      {"rows", 1, 20, 140, 9, 3, 64, 64, 133},
      {"odd head sizes", 1, 4, 70, 2, 1, 18, 13, 66},
      {"size 1", 1, 3, 70, 2, 1, 1, 1, 66},
      {"size 33", 1, 4, 70, 2, 1, 33, 33, 66},
      {"window, sinks, soft cap", 1, 1, 300, 4, 2, 64, 64, 290, true, 3.0f, 0, 70, 0, true, true},
  };
  for (Case c : cases)
    for (int form : {0, 1, 2, 3}) {
      c.halves = form == 0;
      c.k_codes = form == 1 || form == 2;
      c.v_codes = form == 1 || form == 3;
      Graph g;
      attention_graph(g, c);
      expect_like_reference(g, std::string(c.name) + ", form " + std::to_string(form), 2e-5f);
    }
}

TEST_P(OpenclAttention, bits_do_not_depend_on_chunks) {
  const Case cases[] = {
      {"grouped", 1, 150, 160, 9, 3, 64, 64, 150},
      {"window", 1, 150, 160, 4, 2, 64, 64, 150, true, 0, 0, 70},
      {"odd sizes", 1, 150, 160, 5, 1, 30, 20, 150},
      {"halves", 1, 150, 160, 3, 1, 64, 64, 150, true, 0, 0, -1, 0, false, false, true},
      codes_of({"codes of odd sizes", 1, 150, 160, 5, 1, 33, 20, 150}),
  };
  for (const Case& c : cases) {
    Graph whole;
    attention_graph(whole, c);
    const std::vector<float> want = device().run(whole)[0].floats();
    const int64_t width = c.heads * c.dv;
    for (const auto& [row, rows] : std::vector<std::pair<int64_t, int64_t>>{
             {0, 1}, {41, 1}, {63, 1}, {64, 1}, {149, 1}, {62, 4}, {100, 7}, {130, 20}}) {
      Graph part = chunk_of(whole, c, row, rows);
      EXPECT_EQ(device().run(part)[0].floats(),
                std::vector<float>(want.begin() + row * width, want.begin() + (row + rows) * width))
          << c.name << ", rows from " << row;
    }
  }
}

TEST_P(OpenclAttention, refuses_heads_larger_than_its_kernels_hold) {
  Graph g;
  const uint32_t q = g.input("q", Data::zeros(WEFT_F32, {1, 1, 2, 513}));
  const uint32_t y = g.activation("y", WEFT_F32, {1, 1, 2, 513});
  g.node("Attention", {q, q, q}, {y});
  g.outputs = {y};
  const std::vector<Refused> refused = device().claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].why, "a head of 513 elements, opencl attends up to 512");
}

TEST_P(OpenclAttention, rows_of_codes_are_the_bytes_of_the_reference) {
  for (const int64_t size : {1, 3, 31, 32, 33, 64, 80}) {
    for (const float width : {1e-7f, 2e-5f, 1.0f, 70.0f, 1e7f}) {
      Graph g;
      const int64_t heads = 3, rows = 5;
      Data data = random_floats({1, rows, heads * size}, uint32_t(size), -width, width);
      std::vector<float> x = data.floats();
      x[0] = x[size_t(size)] = 127 * width, x[1] = 62.5f * width;
      for (int64_t i = 0; i < size; i++) x[size_t(2 * size + i)] = 0;
      x[size_t(4 * size)] = std::nanf("");
      x[size_t(5 * size)] = -INFINITY;
      const uint32_t from = g.input("x", Data::floats(data.shape, x));
      const uint32_t y = g.activation("y", WEFT_I8, {1, rows, heads * quant::code_row_bytes(size)});
      g.node("QuantizeRows", {from}, {y}, {{"size", size}}, "weft");
      g.outputs = {y};
      expect_like_reference(g, "rows of " + std::to_string(size));
    }
  }
}

}  // namespace
}  // namespace weft::test
