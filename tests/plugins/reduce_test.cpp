// Reductions, cumulative sums and TopK on the cpu against the reference.
#include <limits>

#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

// y = op(x, axes) with the dims of `axes` kept as 1.
void expect_reduction(const char* op, const Data& x, std::vector<int64_t> axes, bool keep) {
  std::vector<D> shape;
  for (size_t d = 0; d < x.shape.size(); d++) {
    const bool reduced = axes.empty() || std::count(axes.begin(), axes.end(), int64_t(d)) ||
                         std::count(axes.begin(), axes.end(), int64_t(d) - int64_t(x.shape.size()));
    if (!reduced) shape.push_back(x.shape[d]);
    if (reduced && keep) shape.push_back(1);
  }
  Graph g;
  std::vector<uint32_t> in = {g.input("x", x)};
  if (!axes.empty()) in.push_back(g.contents("axes", std::vector<D>(axes.begin(), axes.end())));
  const uint32_t y = g.activation("y", x.dtype, shape);
  g.node(op, in, {y}, {{"keepdims", int64_t(keep)}});
  g.outputs = {y};
  expect_like_reference(g, op, 1e-6f);
}

TEST(CpuReduce, reductions_agree_with_the_reference_over_any_axes) {
  const Data x = random_floats({3, 4, 17}, 1);
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"})
    for (const std::vector<int64_t>& axes :
         std::vector<std::vector<int64_t>>{{2}, {-1}, {1}, {0}, {0, 2}, {1, 2}, {0, 1, 2}, {}})
      for (bool keep : {true, false}) expect_reduction(op, x, axes, keep);
}

TEST(CpuReduce, integers_are_exact_and_wrap) {
  const Data x = Data::integers({2, 3}, {7, -9, int64_t(1) << 62, 0, 5, -1});
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"})
    expect_reduction(op, x, {1}, false);
}

TEST(CpuReduce, an_empty_group_gives_what_the_op_says) {
  for (const char* op : {"ReduceSum", "ReduceProd"})
    expect_reduction(op, Data::zeros(WEFT_F32, {2, 0}), {1}, false);
  Graph g;
  const uint32_t x = g.input("x", Data::zeros(WEFT_F32, {2, 0}));
  const uint32_t y = g.activation("y", WEFT_F32, {2});
  g.node("ReduceMax", {x, g.contents("axes", {1})}, {y}, {{"keepdims", int64_t(0)}});
  g.outputs = {y};
  EXPECT_EQ(Device("cpu").run(g)[0].floats(), (std::vector<float>{-INFINITY, -INFINITY}));
}

TEST(CpuReduce, no_axes_may_mean_none) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 3}, 1));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 3});
  g.node("ReduceSum", {x}, {y}, {{"noop_with_empty_axes", int64_t(1)}});
  g.outputs = {y};
  expect_like_reference(g, "no axes", 0);
}

TEST(CpuCumSum, sums_along_any_axis_in_both_directions) {
  for (int64_t axis : {0, 1, -1})
    for (int64_t exclusive : {0, 1})
      for (int64_t reverse : {0, 1}) {
        Graph g;
        const uint32_t x = g.input("x", random_floats({2, 5, 3}, 1));
        const uint32_t i = g.input("i", Data::integers({2, 5, 3}, std::vector<int64_t>(30, 1)));
        const uint32_t at = g.contents("axis", {axis});
        const uint32_t y = g.activation("y", WEFT_F32, {2, 5, 3});
        const uint32_t n = g.activation("n", WEFT_I64, {2, 5, 3});
        g.node("CumSum", {x, at}, {y}, {{"exclusive", exclusive}, {"reverse", reverse}});
        g.node("CumSum", {i, at}, {n}, {{"exclusive", exclusive}, {"reverse", reverse}});
        g.outputs = {y, n};
        expect_like_reference(g, "cumsum", 1e-6f);
      }
}

TEST(CpuTopK, orders_the_best_and_takes_equal_ones_by_lower_index) {
  for (int64_t largest : {0, 1})
    for (int64_t axis : {0, 1, -1})
      for (int64_t k : {1, 2, 4}) {
        Graph g;
        Random random(9);
        std::vector<float> values;
        for (int i = 0; i < 4 * 5 * 6; i++) values.push_back(float(random.integer(0, 6)));
        const std::vector<int64_t> shape = {4, 5, 6};
        const uint32_t x = g.input("x", Data::floats(shape, values));
        std::vector<D> out = dims(shape);
        out[size_t(axis < 0 ? axis + 3 : axis)] = D(k);
        const uint32_t best = g.activation("best", WEFT_F32, out);
        const uint32_t at = g.activation("at", WEFT_I64, out);
        g.node("TopK", {x, g.contents("k", {k})}, {best, at},
               {{"axis", axis}, {"largest", largest}});
        g.outputs = {best, at};
        expect_like_reference(g, "top " + std::to_string(k), 0);
      }
}

TEST(CpuTopK, gives_indices_alone) {
  Graph g;
  const uint32_t x = g.input("x", Data::integers({1, 5}, {3, 9, -2, 9, 4}));
  const uint32_t at = g.activation("at", WEFT_I64, {1, 3});
  g.node("TopK", {x, g.contents("k", {3})}, {WEFT_NONE, at});
  g.outputs = {at};
  EXPECT_EQ(Device("cpu").run(g)[0].integers(), (std::vector<int64_t>{1, 3, 4}));
}

}  // namespace
}  // namespace weft::test
