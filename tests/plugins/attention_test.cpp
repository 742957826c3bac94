// Attention, RotaryEmbedding and TensorScatter on the cpu against the reference, and the promise
// that a row's bits do not depend on the rows computed with it.
#include "tests/plugins/attention_cases.h"

namespace weft::test {
namespace {

TEST(CpuAttention, agrees_with_the_reference) {
  const Case cases[] = {
      {"one key"},
      {"square", 1, 7, 7},
      {"grouped heads", 1, 5, 5, 9, 3, 64, 64},
      {"batches", 2, 3, 9, 4, 2, 16, 16, -1, false},
      {"decode from a cache", 1, 1, 200, 9, 3, 64, 64, 130},
      {"chunk in a cache", 1, 33, 300, 9, 3, 64, 64, 133},
      {"many rows", 1, 70, 70, 6, 2, 32, 32},
      {"odd head sizes", 1, 4, 70, 2, 1, 18, 13, 66},
      {"values wider than keys", 1, 4, 8, 2, 2, 8, 40, -1, false},
      {"soft cap and scale", 1, 3, 20, 2, 1, 16, 16, 20, true, 5.0f, 0.5f},
      {"sliding window", 1, 20, 150, 2, 1, 16, 16, 150, true, 0, 0, 10},
      {"float mask", 1, 6, 67, 2, 1, 16, 16, -1, false, 0, 0, -1, 1},
      {"bool mask", 2, 6, 67, 2, 1, 16, 16, -1, false, 0, 0, -1, 2},
      {"rows without keys", 1, 4, 8, 2, 1, 16, 16, 2},
      {"a group wider than a unit", 1, 2, 5, 100, 1, 8, 8, 5},
      {"sinks", 1, 5, 5, 4, 2, 16, 16, -1, true, 0, 0, -1, 0, true},
      {"slopes", 1, 5, 5, 4, 2, 16, 16, -1, true, 0, 0, -1, 0, false, true},
      {"sinks in a cache", 1, 1, 200, 8, 2, 64, 64, 130, true, 0, 0, 20, 0, true},
      {"sinks of rows without keys", 1, 4, 8, 2, 1, 16, 16, 2, true, 0, 0, -1, 0, true},
      {"both, many rows and keys", 2, 70, 150, 6, 2, 32, 32, 150, true, 5.0f, 0, -1, 1, true, true},
      {"slopes behind a mask", 2, 6, 67, 2, 1, 16, 16, -1, false, 0, 0, -1, 2, false, true},
      {"a block less one key", 1, 1, 63, 9, 3, 64, 64, 63},
      {"one block", 1, 1, 64, 9, 3, 64, 64, 64},
      {"a block and one key", 1, 1, 65, 9, 3, 64, 64, 65},
      {"many blocks", 1, 1, 600, 9, 3, 64, 64, 577},
      {"few rows over blocks", 2, 3, 200, 6, 2, 64, 64, 190},
      {"head size 80", 1, 2, 140, 4, 2, 80, 80, 130},
      {"head size 128", 1, 1, 140, 4, 1, 128, 128, 129},
      {"head size 66", 1, 1, 140, 4, 2, 66, 66, 129},
      {"heads of their own", 1, 1, 140, 5, 5, 32, 48, 129},
      {"window of some blocks", 1, 1, 400, 4, 2, 64, 64, 390, true, 0, 0, 130},
      {"window, sinks, soft cap", 1, 2, 300, 4, 2, 64, 64, 290, true, 3.0f, 0, 70, 0, true, true},
      {"no key at all", 1, 1, 8, 4, 2, 16, 16, 0, true, 0, 0, -1, 0, true},
  };
  for (const Case& c : cases) {
    Graph g;
    attention_graph(g, c);
    expect_like_reference(g, c.name, 2e-5f);
  }
}

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

TEST(CpuAttention, never_reads_keys_past_the_valid_ones_into_a_result) {
  Case c{"nan tail", 1, 2, 100, 2, 1, 16, 16, 50};
  Graph g;
  attention_graph(g, c);
  const std::vector<float> want = Device("cpu").run(g)[0].floats();
  for (uint32_t i : {1u, 2u}) {
    Data& data = g.input_data(g.inputs[i]);
    std::vector<float> values = data.floats();
    for (size_t e = 50 * 16; e < values.size(); e++) values[e] = std::nanf("");
    data = Data::floats(data.shape, values);
  }
  EXPECT_EQ(Device("cpu").run(g)[0].floats(), want);
}

TEST(CpuAttention, joins_a_past_in_the_present) {
  for (const int64_t past : {0, 3, 70}) {
    const int64_t rows = 50, heads = 4, kv_heads = 2, d = 16;
    Graph g;
    const uint32_t q = g.input("q", random_floats({2, rows, heads * d}, 1));
    const uint32_t k = g.input("k", random_floats({2, rows, kv_heads * d}, 2));
    const uint32_t v = g.input("v", random_floats({2, rows, kv_heads * d}, 3));
    const uint32_t keys = g.input("keys", random_floats({2, kv_heads, past, d}, 4));
    const uint32_t values = g.input("values", random_floats({2, kv_heads, past, d}, 5));
    const uint32_t y = g.activation("y", WEFT_F32, {2, rows, heads * d});
    const uint32_t pk = g.activation("pk", WEFT_F32, {2, kv_heads, past + rows, d});
    const uint32_t pv = g.activation("pv", WEFT_F32, {2, kv_heads, past + rows, d});
    g.node("Attention", {q, k, v, WEFT_NONE, keys, values}, {y, pk, pv},
           {{"q_num_heads", heads}, {"kv_num_heads", kv_heads}, {"is_causal", int64_t(1)}});
    g.outputs = {y, pk, pv};
    expect_like_reference(g, "past " + std::to_string(past), 2e-5f);
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

TEST(CpuRotaryEmbedding, agrees_with_the_reference) {
  for (int64_t interleaved : {0, 1})
    for (int64_t partial : {0, 8}) {
      Random random(4);
      Graph g;
      const int64_t d = 32, heads = 3, half = (partial ? partial : d) / 2;
      const uint32_t x =
          g.input("x", Data::floats({2, 5, heads * d}, random.reals(2 * 5 * heads * d)));
      const uint32_t cos = g.constant("cos", Data::floats({20, half}, random.reals(20 * half)));
      const uint32_t sin = g.constant("sin", Data::floats({20, half}, random.reals(20 * half)));
      const uint32_t ids =
          g.input("ids", Data::integers({2, 5}, {0, 1, 2, 3, 4, 15, 16, 17, 18, 19}));
      const uint32_t y = g.activation("y", WEFT_F32, {2, 5, heads * d});
      g.node(
          "RotaryEmbedding", {x, cos, sin, ids}, {y},
          {{"num_heads", heads}, {"interleaved", interleaved}, {"rotary_embedding_dim", partial}});
      g.outputs = {y};
      expect_like_reference(g, "rotary");
    }
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

TEST(CpuTensorScatter, writes_rows_in_place_and_copies_nothing_that_lies_there_already) {
  for (const char* plugin : {"cpu", "reference"}) {
    Graph g;
    const uint32_t past = g.slot(0, 6);
    std::vector<float> zeros(8 * 4);
    const uint32_t cache = g.input("cache", Data::floats({1, 8, 4}, zeros), {}, WEFT_VALUE_STATE);
    const uint32_t x = g.input("x", Data::floats({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
    // The update is computed as a view of the cache, at rows 3 and 4.
    const uint32_t update = g.view("update", WEFT_F32, {1, 2, 4}, cache, D(3 * 4 * 4));
    const uint32_t at = g.contents("at", {D::slot(past)});
    const uint32_t present = g.view("present", WEFT_F32, {1, 8, 4}, cache, D(0));
    const uint32_t y = g.activation("y", WEFT_F32, {1, 8, 4});
    g.node("Neg", {x}, {update});
    g.node("TensorScatter", {cache, update, at}, {present}, {{"axis", int64_t(1)}});
    g.node("Identity", {present}, {y});
    g.outputs = {y};
    RunOptions options;
    options.slots = {3};
    const std::vector<float> got = Device(plugin).run(g, options)[0].floats();
    std::vector<float> want(32);
    for (int i = 0; i < 8; i++) want[size_t(12 + i)] = float(-1 - i);
    EXPECT_EQ(got, want) << plugin;
    EXPECT_EQ(g.input_data(cache).floats(), want) << plugin;
  }
}

}  // namespace
}  // namespace weft::test
