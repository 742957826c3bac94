// Attention of long prompts from dot products of bfloat16 (compute=auto): within what rounding
// explains of the reference, numbers that are none stay with the rows that see them, and bits
// depend on neither chunks nor threads. Where the processor has no such products, floats pass too.
#include "tests/plugins/attention_cases.h"

namespace weft::test {
namespace {

// What rounding to bfloat16, by at most 2^-9 of a number, changes at most where queries, keys and
// values are of -1 .. 1: scores by 2^-8 of the largest, results by twice that, and by the rounding
// of probabilities, of their sum and of values.
float bfloat16_bound(const Case& c) {
  const float largest = float(c.d) * (c.scale > 0 ? c.scale : 1 / std::sqrt(float(c.d)));
  return 2 * largest / 256 + 3.0f / 512;
}

// compute=auto against the reference. Roundings that are independent add up to less than their
// bound: the mean square stays below that of an error of 2^-8 everywhere.
void expect_within_bfloat16(Graph& g, const Case& c) {
  const std::vector<float> want = Device("reference").run(g)[0].floats();
  for (uint32_t threads : {1u, 2u, 5u}) {
    const std::vector<float> got = Device("cpu", threads, {{"compute", "auto"}}).run(g)[0].floats();
    ASSERT_EQ(got.size(), want.size());
    double squares = 0, all = 0;
    for (size_t i = 0; i < want.size(); i++) {
      const double off = double(got[i]) - double(want[i]);
      ASSERT_LE(std::fabs(off), bfloat16_bound(c)) << c.name << ", element " << i;
      squares += off * off;
      all += double(want[i]) * double(want[i]);
    }
    EXPECT_LE(std::sqrt(squares / all), 1.0 / 256) << c.name << ", threads " << threads;
  }
}

TEST(CpuRoundedAttention, long_prompts_with_compute_auto_stay_within_bfloat16_of_the_reference) {
  const Case cases[] = {
      {"one key", 1, 65, 1, 2, 1, 16, 16, -1, false},
      {"square", 1, 70, 70, 6, 2, 32, 32},
      {"grouped heads", 1, 200, 200, 9, 3, 64, 64},
      {"a chunk in a cache", 1, 130, 400, 9, 3, 64, 64, 333},
      {"all heads of their own", 1, 129, 129, 3, 3, 64, 64},
      {"seven heads a key head", 1, 100, 131, 14, 2, 64, 64, 131},
      {"a group wider than a unit", 1, 65, 66, 100, 1, 8, 8, 66},
      {"batches without a mask", 2, 66, 90, 4, 2, 16, 16, -1, false},
      {"odd head sizes", 1, 80, 97, 2, 1, 19, 13, 97},
      {"head size 1", 1, 66, 66, 2, 2, 1, 1},
      {"head size 80", 1, 140, 140, 4, 2, 80, 80},
      {"head size 128", 1, 100, 140, 4, 1, 128, 128, 129},
      {"values wider than keys", 1, 70, 77, 2, 1, 8, 40, 77},
      {"soft cap and scale", 1, 70, 70, 2, 1, 16, 16, 70, true, 5.0f, 0.5f},
      {"sliding window", 1, 150, 300, 2, 1, 16, 16, 290, true, 0, 0, 10},
      {"window of some blocks", 1, 100, 400, 4, 2, 64, 64, 390, true, 0, 0, 130},
      {"float mask", 1, 70, 131, 2, 1, 16, 16, -1, false, 0, 0, -1, 1},
      {"bool mask", 2, 70, 67, 2, 1, 16, 16, -1, false, 0, 0, -1, 2},
      {"sinks", 1, 70, 70, 4, 2, 16, 16, -1, true, 0, 0, -1, 0, true},
      {"slopes", 1, 70, 70, 4, 2, 16, 16, -1, true, 0, 0, -1, 0, false, true},
      {"rows without keys", 1, 70, 80, 2, 1, 16, 16, 3},
      {"sinks of rows without keys", 1, 70, 80, 2, 1, 16, 16, 3, true, 0, 0, -1, 0, true},
      {"all of it", 2, 70, 150, 6, 2, 32, 32, 150, true, 5.0f, 0, 90, 1, true, true},
  };
  for (Case c : cases)
    for (const int cache : {0, 1, 2}) {  // of floats, halves, codes
      c.halves = cache == 1;
      c.k_codes = c.v_codes = cache == 2;
      Graph g;
      attention_graph(g, c);
      expect_within_bfloat16(g, c);
    }
}

// A copy of `whole` in which inputs are changed: (input, first element, last, value).
struct Change {
  size_t input, begin, end;
  float value;
};
std::vector<float> with(Graph& g, const std::vector<Change>& changes, const std::string& compute) {
  std::vector<Data> kept;
  for (uint32_t i : g.inputs) kept.push_back(g.input_data(i));
  for (const Change& change : changes) {
    Data& data = g.input_data(g.inputs[change.input]);
    std::vector<float> values = data.floats();
    std::fill(values.begin() + long(change.begin), values.begin() + long(change.end), change.value);
    data = Data::floats(data.shape, values);
  }
  std::vector<float> got = Device("cpu", 2, {{"compute", compute}}).run(g)[0].floats();
  for (size_t i = 0; i < kept.size(); i++) g.input_data(g.inputs[i]) = kept[i];
  return got;
}

TEST(CpuRoundedAttention, long_prompts_keep_what_is_no_number_to_the_rows_that_see_it) {
  const Case c{"no number", 1, 100, 120, 2, 1, 16, 16, 110};
  const size_t width = 32, d = 16, row = 40, key = 80;  // row i stands at key 10 + i
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  for (const bool halves : {false, true}) {
    Case each = c;
    each.halves = halves;
    Graph g;
    attention_graph(g, each);
    const std::vector<float> want = with(g, {}, "auto");
    // Keys and values past the valid ones.
    EXPECT_EQ(with(g, {{1, 110 * d, 120 * d, nan}, {2, 110 * d, 120 * d, nan}}, "auto"), want);
    for (const float bad : {nan, inf}) {
      const std::vector<float> query = with(g, {{0, row * width, (row + 1) * width, bad}}, "auto");
      const std::vector<float> keys = with(g, {{1, key * d, (key + 1) * d, bad}}, "auto");
      for (size_t i = 0; i < want.size(); i++) {
        const size_t at = i / width;
        const bool sees = at + 10 >= key;
        EXPECT_TRUE(at == row ? std::isnan(query[i]) : query[i] == want[i]) << at;
        EXPECT_TRUE(sees ? std::isnan(keys[i]) || std::isinf(bad) : keys[i] == want[i]) << at;
      }
    }
  }
}

TEST(CpuRoundedAttention, attends_in_floats_unless_compute_is_auto) {
  const Case c{"long", 1, 150, 160, 9, 3, 64, 64, 150};
  Graph g;
  attention_graph(g, c);
  EXPECT_EQ(with(g, {}, "int8"), with(g, {}, "f32"));
}

// Prompts long enough for dot products of bfloat16.
TEST(CpuRoundedAttention, bits_of_long_prompts_do_not_depend_on_chunks_or_threads) {
  const Case cases[] = {
      {"grouped", 1, 300, 310, 9, 3, 64, 64, 300},
      {"window", 1, 300, 310, 4, 2, 64, 64, 300, true, 0, 0, 70},
      {"odd sizes", 1, 300, 310, 5, 1, 30, 20, 300},
      {"halves", 1, 300, 310, 9, 3, 64, 64, 300, true, 0, 0, -1, 0, false, false, true},
      codes_of({"codes", 1, 300, 310, 9, 3, 64, 64, 300}),
  };
  const std::map<std::string, std::string> automatic = {{"compute", "auto"}};
  for (const Case& c : cases) {
    Graph whole;
    attention_graph(whole, c);
    const std::vector<float> want = Device("cpu", 2, automatic).run(whole)[0].floats();
    const int64_t width = c.heads * c.dv;
    for (const auto& [row, rows] : std::vector<std::pair<int64_t, int64_t>>{
             {0, 65}, {0, 128}, {1, 299}, {63, 70}, {64, 200}, {191, 109}})
      for (uint32_t threads : {1u, 2u, 5u}) {
        Graph part = chunk_of(whole, c, row, rows);
        EXPECT_EQ(
            Device("cpu", threads, automatic).run(part)[0].floats(),
            std::vector<float>(want.begin() + row * width, want.begin() + (row + rows) * width))
            << c.name << ", rows from " << row << ", " << threads << " threads";
      }
  }
}

}  // namespace
}  // namespace weft::test
