// How a product is cut is a matter of time alone: every variant gives the same bits.
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(OpenclTuner);

Graph product(int64_t rows, int64_t k, int64_t n) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({rows, k}, uint32_t(rows)));
  const uint32_t w = g.constant("w", random_floats({k, n}, uint32_t(n)));
  const uint32_t y = g.activation("y", WEFT_F32, {rows, n});
  g.node("MatMul", {x, w}, {y});
  g.outputs = {y};
  return g;
}

TEST_P(OpenclTuner, tiny_products_have_the_same_bits_however_they_are_cut) {
  struct Case {
    int64_t rows, k, n;
  };
  for (const Case c : {Case{9, 40, 17}, {33, 32, 64}, {65, 72, 80}, {130, 31, 50}}) {
    Graph g = product(c.rows, c.k, c.n);
    std::vector<std::vector<float>> results;
    for (const char* variant : {"0", "1", "2", "9", "auto"}) {
      auto options = GetParam().options;
      options["tune"] = variant;
      results.push_back(Device(GetParam().plugin, 1, options).run(g)[0].floats());
    }
    for (const auto& result : results) EXPECT_EQ(result, results[0]) << c.rows << " rows";
  }
}

TEST_P(OpenclTuner, refuses_what_is_no_variant) {
  for (const char* variant : {"-1", "12", "x", ""}) {
    auto options = GetParam().options;
    options["tune"] = variant;
    EXPECT_THROW(Device(GetParam().plugin, 1, options), std::exception) << variant;
  }
}

}  // namespace
}  // namespace weft::test
