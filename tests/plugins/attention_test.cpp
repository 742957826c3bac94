// Attention on the cpu beyond what every backend is tested for: caches of halves, words for what is
// refused, and the promise that a row's bits do not depend on the rows computed with it.
#include "tests/plugins/attention_cases.h"

namespace weft::test {
namespace {

TEST(CpuAttention, reads_a_cache_of_halves) {
  const Case cases[] = {
      {"one key"},
      {"decode", 1, 1, 200, 9, 3, 64, 64, 130},
      {"many blocks", 1, 1, 600, 9, 3, 64, 64, 577},
      {"few rows", 2, 3, 200, 6, 2, 64, 64, 190},
      {"many rows", 1, 70, 140, 9, 3, 64, 64, 133},
      {"odd head sizes", 1, 4, 70, 2, 1, 18, 13, 66},
      {"odd head sizes, one row", 1, 1, 70, 2, 1, 18, 13, 66},
      {"head size 80", 1, 1, 140, 4, 2, 80, 80, 130},
      {"head size 128", 1, 20, 140, 4, 1, 128, 128, 129},
      {"window, sinks, soft cap", 1, 1, 300, 4, 2, 64, 64, 290, true, 3.0f, 0, 70, 0, true, true},
  };
  for (Case c : cases) {
    c.halves = true;
    Graph g;
    attention_graph(g, c);
    expect_like_reference(g, c.name, 2e-5f);
  }
}

TEST(CpuAttention, refuses_halves_where_onnx_has_none) {
  Graph g;
  const uint32_t q = g.input("q", random_floats({1, 2, 16}, 1));
  const uint32_t k = g.input("k", Data::zeros(WEFT_F16, {1, 2, 16}));
  const uint32_t v = g.input("v", Data::zeros(WEFT_F16, {1, 2, 16}));
  const uint32_t y = g.activation("y", WEFT_F32, {1, 2, 16});
  g.node("Attention", {q, k, v}, {y}, {{"q_num_heads", int64_t(1)}, {"kv_num_heads", int64_t(1)}});
  g.outputs = {y};
  const std::vector<Refused> refused = Device("cpu").claim(g);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].why, "input 1 is f16, the cpu kernel of Attention takes f32");
}

TEST(CpuAttention, bits_do_not_depend_on_chunks_or_threads) {
  const Case cases[] = {
      {"grouped", 1, 150, 160, 9, 3, 64, 64, 150},
      {"window", 1, 150, 160, 4, 2, 64, 64, 150, true, 0, 0, 70},
      {"odd sizes", 1, 150, 160, 5, 1, 30, 20, 150},
      {"halves", 1, 150, 160, 9, 3, 64, 64, 150, true, 0, 0, -1, 0, false, false, true},
      codes_of({"codes", 1, 150, 160, 9, 3, 64, 64, 150}),
      codes_of({"codes of odd sizes", 1, 150, 160, 5, 1, 33, 20, 150}),
      codes_of({"codes, one key head", 1, 150, 160, 6, 1, 80, 80, 150}),
  };
  for (const std::string& isa : instruction_sets()) {
    for (const Case& c : cases) {
      Graph whole;
      attention_graph(whole, c);
      const std::vector<float> want = Device("cpu", 2, {{"isa", isa}}).run(whole)[0].floats();
      const int64_t width = c.heads * c.dv;
      for (const auto& [row, rows] : std::vector<std::pair<int64_t, int64_t>>{
               {0, 1}, {41, 1}, {63, 1}, {64, 1}, {149, 1}, {62, 4}, {100, 7}, {130, 20}})
        for (uint32_t threads : {1u, 2u, 5u}) {
          Graph part = chunk_of(whole, c, row, rows);
          EXPECT_EQ(
              Device("cpu", threads, {{"isa", isa}}).run(part)[0].floats(),
              std::vector<float>(want.begin() + row * width, want.begin() + (row + rows) * width))
              << isa << ", " << c.name << ", rows from " << row << ", " << threads << " threads";
        }
    }
  }
}

TEST(CpuAttention, refuses_a_past_without_a_present) {
  Graph g;
  const uint32_t q = g.input("q", Data::zeros(WEFT_F32, {1, 1, 1, 16}));
  const uint32_t past = g.input("past", Data::zeros(WEFT_F32, {1, 1, 3, 16}));
  const uint32_t y = g.activation("y", WEFT_F32, {1, 1, 1, 16});
  g.node("Attention", {q, q, q, WEFT_NONE, past, past}, {y});
  g.outputs = {y};
  EXPECT_EQ(Device("cpu").claim(g).size(), 1u);
}

TEST(CpuRotaryEmbedding, names_a_position_outside_the_caches) {
  Graph g;
  const uint32_t x = g.input("x", Data::zeros(WEFT_F32, {1, 1, 8}));
  const uint32_t cos = g.constant("cos", Data::zeros(WEFT_F32, {4, 4}));
  const uint32_t ids = g.input("ids", Data::integers({1, 1}, {4}));
  const uint32_t y = g.activation("y", WEFT_F32, {1, 1, 8});
  g.node("RotaryEmbedding", {x, cos, cos, ids}, {y}, {{"num_heads", int64_t(1)}});
  g.outputs = {y};
  EXPECT_THROW(Device("cpu").run(g), std::runtime_error);
}

}  // namespace
}  // namespace weft::test
