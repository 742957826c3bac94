// Attention, RotaryEmbedding and TensorScatter on every backend against the reference.
#include <cmath>

#include "tests/plugins/attention_cases.h"
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(Attention);

TEST_P(Attention, agrees_with_the_reference) {
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
      {"a group wider than the lanes", 1, 2, 5, 100, 1, 8, 8, 5},
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
      {"more blocks than are shared", 1, 1, 1300, 2, 1, 16, 16, 1290},
      {"few rows over blocks", 2, 3, 200, 6, 2, 64, 64, 190},
      {"head size 80", 1, 2, 140, 4, 2, 80, 80, 130},
      {"head size 128", 1, 1, 140, 4, 1, 128, 128, 129},
      {"head size 66", 1, 1, 140, 4, 2, 66, 66, 129},
      {"head size 300", 1, 2, 70, 2, 1, 300, 300, 66},
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

TEST_P(Attention, never_reads_keys_past_the_valid_ones_into_a_result) {
  Case c{"nan tail", 1, 2, 100, 2, 1, 16, 16, 50};
  Graph g;
  attention_graph(g, c);
  const std::vector<float> want = device().run(g)[0].floats();
  for (uint32_t i : {1u, 2u}) {
    Data& data = g.input_data(g.inputs[i]);
    std::vector<float> values = data.floats();
    for (size_t e = 50 * 16; e < values.size(); e++) values[e] = std::nanf("");
    data = Data::floats(data.shape, values);
  }
  EXPECT_EQ(device().run(g)[0].floats(), want);
}

TEST_P(Attention, takes_lengths_that_are_computed_and_differ_from_batch_to_batch) {
  for (const bool heads_first : {false, true}) {
    Random random(3);
    Graph g;
    const int64_t rows = 3, keys = 90, heads = 4, kv_heads = 2, d = 20;
    const auto shape = [&](int64_t n, int64_t h) {
      return heads_first ? std::vector<int64_t>{2, h, n, d} : std::vector<int64_t>{2, n, h * d};
    };
    const uint32_t q = g.input("q", random_floats(shape(rows, heads), 1, -1, 1));
    const uint32_t k = g.input("k", random_floats(shape(keys, kv_heads), 2, -1, 1));
    const uint32_t v = g.input("v", random_floats(shape(keys, kv_heads), 3, -1, 1));
    const uint32_t given = g.input("given", Data::integers({2}, {-70, -9}));
    const uint32_t length = g.activation("length", WEFT_I64, {2});
    const uint32_t y = g.activation("y", WEFT_F32, dims(shape(rows, heads)));
    g.node("Neg", {given}, {length});
    std::map<std::string, Attribute> attrs = {{"is_causal", int64_t(1)}};
    if (!heads_first) attrs["q_num_heads"] = heads, attrs["kv_num_heads"] = kv_heads;
    g.node("Attention", {q, k, v, WEFT_NONE, WEFT_NONE, WEFT_NONE, length}, {y}, attrs);
    g.outputs = {y};
    expect_like_reference(g, heads_first ? "heads first" : "rows first", 2e-5f);
  }
}

TEST_P(Attention, joins_a_past_in_the_present) {
  for (const int64_t past : {0, 3, 70}) {
    const int64_t rows = 20, heads = 4, kv_heads = 2, d = 16;
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

TEST_P(Attention, rotates_whole_heads_parts_of_them_halves_and_neighbours) {
  for (int64_t interleaved : {0, 1})
    for (int64_t partial : {0, 8})
      for (int64_t d : {32, 34, 10})
        for (bool heads_first : {false, true}) {
          Random random(4);
          Graph g;
          const int64_t heads = 3, half = (partial ? partial : d) / 2;
          const std::vector<int64_t> shape = heads_first ? std::vector<int64_t>{2, heads, 5, d}
                                                         : std::vector<int64_t>{2, 5, heads * d};
          const uint32_t x = g.input("x", random_floats(shape, 1));
          const uint32_t cos = g.constant("cos", Data::floats({20, half}, random.reals(20 * half)));
          const uint32_t sin = g.constant("sin", Data::floats({20, half}, random.reals(20 * half)));
          const uint32_t ids =
              g.input("ids", Data::integers({2, 5}, {0, 1, 2, 3, 4, 15, 16, 17, 18, 19}));
          const uint32_t y = g.activation("y", WEFT_F32, dims(shape));
          g.node("RotaryEmbedding", {x, cos, sin, ids}, {y},
                 {{"num_heads", heads},
                  {"interleaved", interleaved},
                  {"rotary_embedding_dim", partial}});
          g.outputs = {y};
          expect_like_reference(g, "rotary of " + std::to_string(d), 1e-6f);
        }
}

TEST_P(Attention, rotates_by_tables_of_each_row_without_positions) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 4, 3 * 8}, 1));
  const uint32_t cos = g.input("cos", random_floats({2, 4, 4}, 2));
  const uint32_t sin = g.input("sin", random_floats({2, 4, 4}, 3));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 4, 3 * 8});
  g.node("RotaryEmbedding", {x, cos, sin}, {y}, {{"num_heads", int64_t(3)}});
  g.outputs = {y};
  expect_like_reference(g, "tables", 1e-6f);
}

TEST_P(Attention, an_update_in_its_place_already_is_not_moved) {
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
  const std::vector<float> got = device().run(g, options)[0].floats();
  std::vector<float> want(32);
  for (int i = 0; i < 8; i++) want[size_t(12 + i)] = float(-1 - i);
  EXPECT_EQ(got, want);
  EXPECT_EQ(g.input_data(cache).floats(), want);
}

TEST_P(Attention, an_update_from_elsewhere_is_written_at_the_index_of_its_batch) {
  for (const bool heads_first : {false, true}) {
    Graph g;
    const std::vector<int64_t> shape =
        heads_first ? std::vector<int64_t>{2, 3, 8, 5} : std::vector<int64_t>{2, 8, 5};
    std::vector<int64_t> fresh = shape;
    fresh[heads_first ? 2 : 1] = 2;
    const uint32_t cache = g.input("cache", random_floats(shape, 1));
    const uint32_t update = g.input("update", random_floats(fresh, 2));
    const uint32_t y = g.activation("y", WEFT_F32, dims(shape));
    g.node("TensorScatter", {cache, update, g.contents("at", {1, 6})}, {y},
           {{"axis", int64_t(-2)}});
    g.outputs = {y};
    expect_like_reference(g, "scatter", 0);
  }
}

}  // namespace
}  // namespace weft::test
