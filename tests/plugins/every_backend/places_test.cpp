// Scatters, tiles, pads, triangles, fills, reductions, running sums and TopK on every backend
// against the reference.
#include <algorithm>

#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(Places);

TEST_P(Places, gathers_elements_along_any_axis) {
  for (int64_t axis : {0, 1, -1}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({3, 4}, 1));
    const uint32_t at = g.input("at", Data::integers({2, 3}, {0, 2, -1, 1, -3, 2}));
    const uint32_t y = g.activation("y", WEFT_F32, {2, 3});
    g.node("GatherElements", {x, at}, {y}, {{"axis", axis}});
    g.outputs = {y};
    expect_like_reference(g, "gather elements", 0);
  }
}

TEST_P(Places, scatters_elements_with_every_reduction) {
  for (const char* how : {"none", "add", "mul", "max", "min"})
    for (int64_t axis : {0, 1}) {
      Graph g;
      const uint32_t x = g.input("x", random_floats({3, 4}, 1));
      const uint32_t i = g.input("i", Data::integers({3, 4}, std::vector<int64_t>(12, 3)));
      const uint32_t at = g.input("at", Data::integers({2, 3}, {0, 2, -1, 1, 2, -1}));
      const uint32_t u = g.input("u", random_floats({2, 3}, 2));
      const uint32_t v = g.input("v", Data::integers({2, 3}, {1, -2, 9, 4, 0, 7}));
      const uint32_t y = g.activation("y", WEFT_F32, {3, 4});
      const uint32_t z = g.activation("z", WEFT_I64, {3, 4});
      g.node("ScatterElements", {x, at, u}, {y}, {{"axis", axis}, {"reduction", how}});
      g.node("ScatterElements", {i, at, v}, {z}, {{"axis", axis}, {"reduction", how}});
      g.outputs = {y, z};
      expect_like_reference(g, how, 1e-6f);
    }
}

TEST_P(Places, scatters_pieces_of_any_depth) {
  for (const char* how : {"none", "add", "max"})
    for (int64_t depth : {1, 2, 3}) {
      Graph g;
      const uint32_t x = g.input("x", random_floats({3, 4, 5}, 1));
      std::vector<int64_t> places = {0, 1, 2, 2, -1, 0};
      places.resize(size_t(2 * depth));
      const uint32_t at = g.input("at", Data::integers({2, depth}, places));
      std::vector<int64_t> shape = {2, 4, 5};
      shape.erase(shape.begin() + 1, shape.begin() + depth);
      const uint32_t u = g.input("u", random_floats(shape, 2));
      const uint32_t y = g.activation("y", WEFT_F32, {3, 4, 5});
      g.node("ScatterND", {x, at, u}, {y}, {{"reduction", how}});
      g.outputs = {y};
      expect_like_reference(g, how, 1e-6f);
    }
}

TEST_P(Places, tiles_repeat_along_every_axis) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 1, 3, 2}, 1));
  const uint32_t y = g.activation("y", WEFT_F32, {4, 5, 3, 6});
  g.node("Tile", {x, g.contents("repeats", {2, 5, 1, 3})}, {y});
  g.outputs = {y};
  expect_like_reference(g, "tile", 0);
}

TEST_P(Places, pads_in_every_mode) {
  for (const char* mode : {"constant", "edge", "reflect", "wrap"}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({2, 4}, 1));
    const uint32_t all = g.activation("all", WEFT_F32, {3, 6});
    const uint32_t one = g.activation("one", WEFT_F32, {2, 6});
    g.node("Pad", {x, g.contents("pads", {1, 3, 0, -1})}, {all}, {{"mode", mode}});
    g.node("Pad",
           {x, g.contents("two", {2, 0}), g.constant("value", Data::floats({}, {-7})),
            g.contents("axes", {-1})},
           {one}, {{"mode", mode}});
    g.outputs = {all, one};
    expect_like_reference(g, mode, 0);
  }
}

TEST_P(Places, triangles_keep_what_lies_on_their_side) {
  for (int64_t upper : {0, 1})
    for (int64_t k : {-9, -1, 0, 2, 9}) {
      Graph g;
      const uint32_t x = g.input("x", random_floats({2, 3, 5}, 1));
      const uint32_t y = g.activation("y", WEFT_F32, {2, 3, 5});
      g.node("Trilu", {x, g.contents("k", {k})}, {y}, {{"upper", upper}});
      g.outputs = {y};
      expect_like_reference(g, "trilu", 0);
    }
}

TEST_P(Places, constants_of_a_shape_have_their_type) {
  Graph g;
  const uint32_t shape = g.contents("shape", {2, 3});
  std::vector<uint32_t> outputs;
  for (weft_dtype dtype : {WEFT_F32, WEFT_I64, WEFT_BOOL, WEFT_F16, WEFT_I8}) {
    const uint32_t y = g.activation("y" + std::to_string(dtype), dtype, {2, 3});
    const bool real = dtype == WEFT_F32 || dtype == WEFT_F16;
    std::map<std::string, Attribute> attrs = {{"dtype", int64_t(dtype)}, {"value", int64_t(1)}};
    if (real) attrs["value"] = 2.5f;
    g.node("ConstantOfShape", {shape}, {y}, attrs);
    outputs.push_back(y);
  }
  g.outputs = outputs;
  expect_like_reference(g, "fill", 0);
}

TEST_P(Places, ranges_count_in_steps) {
  Graph g;
  const uint32_t seq = g.slot(1, 64);
  const uint32_t n = g.activation("n", WEFT_I64, {D::slot(seq)});
  const uint32_t x = g.activation("x", WEFT_F32, {3});
  const auto number = [&](const char* name, float v) {
    return g.constant(name, Data::floats({}, {v}));
  };
  g.node("Range",
         {g.constant("from", Data::integers({}, {0})), g.contents("to", {D::slot(seq)}),
          g.constant("by", Data::integers({}, {1}))},
         {n});
  g.node("Range", {number("start", 0.5f), number("limit", -1), number("delta", -0.5f)}, {x});
  g.outputs = {n, x};
  RunOptions options;
  options.slots = {9};
  expect_like_reference(g, "range", 0, options);
}

// ------------------------------------------------------------------ reductions
// y = op(x, axes) with the dims of `axes` kept as 1, or gone.
Graph reduction(const char* op, const Data& x, std::vector<int64_t> axes, bool keep) {
  std::vector<D> shape;
  const auto rank = int64_t(x.shape.size());
  for (int64_t d = 0; d < rank; d++) {
    const bool reduced = axes.empty() || std::count(axes.begin(), axes.end(), d) ||
                         std::count(axes.begin(), axes.end(), d - rank);
    if (!reduced) shape.push_back(x.shape[size_t(d)]);
    if (reduced && keep) shape.push_back(1);
  }
  Graph g;
  std::vector<uint32_t> in = {g.input("x", x)};
  if (!axes.empty()) in.push_back(g.contents("axes", std::vector<D>(axes.begin(), axes.end())));
  const uint32_t y = g.activation("y", x.dtype, shape);
  g.node(op, in, {y}, {{"keepdims", int64_t(keep)}});
  g.outputs = {y};
  return g;
}

constexpr const char* kReductions[] = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin",
                                       "ReduceProd"};

TEST_P(Places, reductions_agree_with_the_reference_over_any_axes) {
  const Data x = random_floats({3, 4, 17}, 1);
  for (const char* op : kReductions)
    for (const std::vector<int64_t>& axes :
         std::vector<std::vector<int64_t>>{{2}, {1}, {0}, {0, 2}, {1, 2}, {0, 1, -1}, {}}) {
      Graph g = reduction(op, x, axes, axes.size() == 1);
      expect_like_reference(g, op, 2e-6f);
    }
}

TEST_P(Places, sums_lose_nothing_to_a_large_element) {
  std::vector<float> values(3001, 0.001f);
  values[0] = 1e6f;
  Graph g = reduction("ReduceSum", Data::floats({1, 3001}, values), {1}, false);
  expect_like_reference(g, "sum", 1e-7f);
}

TEST_P(Places, reductions_of_integers_are_exact_and_wrap) {
  const Data x = Data::integers({2, 3}, {7, -9, int64_t(1) << 62, 0, 5, -1});
  for (const char* op : kReductions) {
    Graph g = reduction(op, x, {1}, false);
    expect_like_reference(g, op);
  }
}

TEST_P(Places, an_empty_group_gives_what_the_op_says) {
  for (const char* op : {"ReduceSum", "ReduceProd"}) {
    Graph g = reduction(op, Data::zeros(WEFT_F32, {2, 0}), {1}, false);
    expect_like_reference(g, op);
  }
  Graph g = reduction("ReduceMax", Data::zeros(WEFT_F32, {2, 0}), {1}, false);
  EXPECT_EQ(device().run(g)[0].floats(), (std::vector<float>{-INFINITY, -INFINITY}));
}

TEST_P(Places, no_axes_may_mean_none) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 3}, 1));
  const uint32_t y = g.activation("y", WEFT_F32, {2, 3});
  g.node("ReduceSum", {x}, {y}, {{"noop_with_empty_axes", int64_t(1)}});
  g.outputs = {y};
  expect_like_reference(g, "no axes", 0);
}

TEST_P(Places, sums_along_any_axis_in_both_directions) {
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

TEST_P(Places, topk_orders_the_best_and_takes_equal_ones_by_lower_index) {
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

TEST_P(Places, topk_gives_indices_alone) {
  Graph g;
  const uint32_t x = g.input("x", Data::integers({1, 5}, {3, 9, -2, 9, 4}));
  const uint32_t at = g.activation("at", WEFT_I64, {1, 3});
  g.node("TopK", {x, g.contents("k", {3})}, {WEFT_NONE, at});
  g.outputs = {at};
  EXPECT_EQ(device().run(g)[0].integers(), (std::vector<int64_t>{1, 3, 4}));
}

}  // namespace
}  // namespace weft::test
