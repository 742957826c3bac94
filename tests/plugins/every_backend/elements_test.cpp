// Integers, bools, casts and what moves elements on every backend against the reference.
#include "tests/plugins/backend_test.h"

namespace weft::test {
namespace {

WEFT_BACKEND_SUITE(Elements);

Data bools(std::vector<char> values) {
  Data data = Data::zeros(WEFT_BOOL, {int64_t(values.size())});
  data.bytes = std::move(values);
  return data;
}

TEST_P(Elements, integers_are_exact_and_broadcast) {
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Max", "Min"})
    for (weft_dtype dtype : {WEFT_I64, WEFT_I32}) {
      Graph g;
      const uint32_t a =
          g.input("a", Data::integers({3, 1}, {7, -9, dtype == WEFT_I64 ? INT64_MIN : -5}));
      const uint32_t b = g.input("b", Data::integers({4}, {2, -1, int64_t(1) << 30, 3}));
      const uint32_t p = g.activation("p", dtype, {3, 1}), q = g.activation("q", dtype, {4});
      const uint32_t y = g.activation("y", dtype, {3, 4});
      g.node("Cast", {a}, {p}, {{"to", int64_t(dtype)}});
      g.node("Cast", {b}, {q}, {{"to", int64_t(dtype)}});
      g.node(op, {p, q}, {y});
      g.outputs = {y};
      expect_like_reference(g, op);
    }
}

TEST_P(Elements, remainders_take_the_sign_of_divisor_or_dividend) {
  for (int64_t fmod : {0, 1}) {
    Graph g;
    const uint32_t a = g.input("a", Data::integers({2, 3}, {7, -7, 7, -7, 6, INT64_MIN}));
    const uint32_t b = g.input("b", Data::integers({2, 3}, {3, 3, -3, -3, 2, -1}));
    const uint32_t y = g.activation("y", WEFT_I64, {2, 3});
    g.node("Mod", {a, b}, {y}, {{"fmod", fmod}});
    g.outputs = {y};
    expect_like_reference(g, "mod");
  }
  Graph reals;
  const uint32_t a = reals.input("a", random_floats({3, 5}, 1));
  const uint32_t b = reals.input("b", random_floats({5}, 2, 0.5f, 2));
  const uint32_t y = reals.activation("y", WEFT_F32, {3, 5});
  reals.node("Mod", {a, b}, {y}, {{"fmod", int64_t(1)}});
  reals.outputs = {y};
  expect_like_reference(reals, "fmod", 1e-6f);
}

TEST_P(Elements, powers_agree_with_the_reference) {
  Graph g;
  const uint32_t a = g.input("a", random_floats({3, 20}, 1, 0.1f, 4));
  const uint32_t b = g.input("b", random_floats({20}, 2, -2, 3));
  const uint32_t two = g.constant("two", Data::floats({}, {2}));
  const uint32_t x = g.input("x", random_floats({3, 20}, 3));
  const uint32_t y = g.activation("y", WEFT_F32, {3, 20});
  const uint32_t squares = g.activation("squares", WEFT_F32, {3, 20});
  g.node("Pow", {a, b}, {y});
  g.node("Pow", {x, two}, {squares});
  g.outputs = {y, squares};
  expect_like_reference(g, "pow", 2e-6f);
}

TEST_P(Elements, comparisons_agree_with_the_reference) {
  for (const char* op : {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}) {
    Graph g;
    const uint32_t a = g.input("a", Data::integers({3, 1}, {-1, 4, int64_t(1) << 62}));
    const uint32_t b = g.input("b", Data::integers({4}, {-1, 3, 4, (int64_t(1) << 62) + 1}));
    const uint32_t p = g.input("p", Data::floats({4}, {1, NAN, -2, INFINITY}));
    const uint32_t q = g.input("q", Data::floats({4}, {1, NAN, 2, -INFINITY}));
    const uint32_t y = g.activation("y", WEFT_BOOL, {3, 4});
    const uint32_t z = g.activation("z", WEFT_BOOL, {4});
    g.node(op, {a, b}, {y});
    g.node(op, {p, q}, {z});
    g.outputs = {y, z};
    expect_like_reference(g, op);
  }
  for (const char* op : {"And", "Or", "Equal"}) {
    Graph g;
    const uint32_t a = g.input("a", bools({0, 1, 0, 1})), b = g.input("b", bools({0, 0, 1, 1}));
    const uint32_t y = g.activation("y", WEFT_BOOL, {4}), n = g.activation("n", WEFT_BOOL, {4});
    g.node(op, {a, b}, {y});
    g.node("Not", {y}, {n});
    g.outputs = {y, n};
    expect_like_reference(g, op);
  }
}

TEST_P(Elements, clip_keeps_elements_within_the_bounds_there_are) {
  for (int bounds : {0, 1, 2, 3}) {
    Graph g;
    std::vector<uint32_t> in = {g.input("x", random_floats({3, 7}, 1)), WEFT_NONE, WEFT_NONE};
    std::vector<uint32_t> whole = {g.input("i", Data::integers({4}, {-9, -1, 3, 12})), WEFT_NONE,
                                   WEFT_NONE};
    if (bounds & 1) {
      in[1] = g.constant("lo", Data::floats({}, {-1}));
      whole[1] = g.constant("least", Data::integers({}, {-2}));
    }
    if (bounds & 2) {
      in[2] = g.constant("hi", Data::floats({}, {0.5f}));
      whole[2] = g.constant("most", Data::integers({}, {5}));
    }
    const uint32_t y = g.activation("y", WEFT_F32, {3, 7});
    const uint32_t n = g.activation("n", WEFT_I64, {4});
    g.node("Clip", in, {y});
    g.node("Clip", whole, {n});
    g.outputs = {y, n};
    expect_like_reference(g, "clip", 0);
  }
}

TEST_P(Elements, integers_have_signs) {
  for (const char* op : {"Neg", "Abs", "Relu"}) {
    Graph g;
    const uint32_t x = g.input("x", Data::integers({4}, {-5, 0, 7, INT64_MIN}));
    const uint32_t y = g.activation("y", WEFT_I64, {4});
    g.node(op, {x}, {y});
    g.outputs = {y};
    expect_like_reference(g, op);
  }
}

TEST_P(Elements, casts_saturate_reals_and_cut_integers) {
  for (weft_dtype to :
       {WEFT_I64, WEFT_I32, WEFT_U32, WEFT_I16, WEFT_U16, WEFT_I8, WEFT_U8, WEFT_U64, WEFT_BOOL}) {
    Graph g;
    const uint32_t x =
        g.input("x", Data::floats({8}, {0, -0.5f, 1.9f, -1.9f, 1e30f, -1e30f, NAN, 254.5f}));
    const uint32_t i = g.input("i", Data::integers({4}, {-1, 300, int64_t(1) << 40, 0}));
    const uint32_t y = g.activation("y", to, {8}), n = g.activation("n", to, {4});
    const uint32_t back = g.activation("back", WEFT_F32, {4});
    g.node("Cast", {x}, {y}, {{"to", int64_t(to)}});
    g.node("Cast", {i}, {n}, {{"to", int64_t(to)}});
    g.node("Cast", {n}, {back}, {{"to", int64_t(WEFT_F32)}});
    g.outputs = {y, n, back};
    expect_like_reference(g, "cast to " + std::to_string(to), 0);
  }
}

TEST_P(Elements, halves_are_rounded_to_nearest_even) {
  // Ties up and down, the least subnormals, what overflows, and enough to fill vectors.
  std::vector<float> values = {1 + 0x1p-11f, 1 + 0x3p-11f, -2049, 2051,  0x1p-24f, 0x1p-25f,
                               0x1.8p-25f,   -0x1p-14f,    65504, 65519, 65520,    -1e30f,
                               INFINITY,     0.0f,         -0.0f, 1e-30f};
  const std::vector<float> more = Random(7).reals(25, -100, 100);
  values.insert(values.end(), more.begin(), more.end());
  const int64_t n = int64_t(values.size());
  for (weft_dtype narrow : {WEFT_F16, WEFT_BF16}) {
    Graph g;
    const uint32_t x = g.input("x", Data::floats({n}, values));
    const uint32_t half = g.activation("half", narrow, {n});
    const uint32_t back = g.activation("back", WEFT_F32, {n});
    g.node("Cast", {x}, {half}, {{"to", int64_t(narrow)}});
    g.node("Cast", {half}, {back}, {{"to", int64_t(WEFT_F32)}});
    g.outputs = {back};
    EXPECT_EQ(device().run(g)[0].floats(), Device("reference").run(g)[0].floats());
  }
}

TEST_P(Elements, where_chooses_elements_of_any_size) {
  Data condition = Data::zeros(WEFT_BOOL, {2, 1});
  condition.bytes = {1, 0};
  for (weft_dtype dtype : {WEFT_F32, WEFT_I64, WEFT_F16, WEFT_BOOL}) {
    Graph g;
    const uint32_t c = g.input("c", condition);
    const uint32_t a = g.input("a", random_floats({2, 5}, 1));
    const uint32_t b = g.input("b", random_floats({5}, 2));
    const uint32_t p = g.activation("p", dtype, {2, 5}), q = g.activation("q", dtype, {5});
    const uint32_t y = g.activation("y", dtype, {2, 5});
    g.node("Cast", {a}, {p}, {{"to", int64_t(dtype)}});
    g.node("Cast", {b}, {q}, {{"to", int64_t(dtype)}});
    g.node("Where", {c, p, q}, {y});
    g.outputs = {y};
    expect_like_reference(g, "where", 0);
  }
}

TEST_P(Elements, ops_that_move_elements_agree_with_the_reference) {
  // Rows of 5 elements are moved one by one, rows of 16 by sixteen bytes.
  for (int64_t n : {5, 16}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({2, 6, n}, 1));
    const uint32_t a = g.activation("a", WEFT_F32, {2, 2, n});
    const uint32_t b = g.activation("b", WEFT_F32, {2, 4, n});
    const uint32_t joined = g.activation("joined", WEFT_F32, {2, 6, n});
    const uint32_t turned = g.activation("turned", WEFT_F32, {n, 2, 6});
    const uint32_t moved = g.activation("moved", WEFT_F32, {6, 2, n});
    const uint32_t cut = g.activation("cut", WEFT_F32, {2, 3, 2});
    const uint32_t last = g.activation("last", WEFT_F32, {2, 1, n});
    const uint32_t wide = g.activation("wide", WEFT_F32, {3, 2, 6, n});
    const uint32_t flat = g.activation("flat", WEFT_F32, {12, n});
    const uint32_t picked = g.activation("picked", WEFT_F32, {2, 2, n});
    g.node("Split", {x, g.contents("sizes", {2, 4})}, {a, b}, {{"axis", int64_t(1)}});
    g.node("Concat", {b, a}, {joined}, {{"axis", int64_t(1)}});
    g.node("Transpose", {x}, {turned}, {{"perm", std::vector<int64_t>{2, 0, 1}}});
    g.node("Transpose", {x}, {moved}, {{"perm", std::vector<int64_t>{1, 0, 2}}});
    g.node("Slice",
           {x, g.contents("starts", {-1, 1}), g.contents("ends", {-100, 3}),
            g.contents("axes", {1, 2}), g.contents("steps", {-2, 1})},
           {cut});
    g.node("Slice", {x, g.contents("from", {5}), g.contents("to", {6}), g.contents("rows", {1})},
           {last});
    g.node("Expand", {x, g.contents("shape", {3, 2, 6, n})}, {wide});
    g.node("Reshape", {x, g.contents("lines", {12, n})}, {flat});
    g.node("Gather", {x, g.contents("ids", {5, 0})}, {picked}, {{"axis", int64_t(1)}});
    g.outputs = {joined, turned, moved, cut, last, wide, flat, picked};
    expect_like_reference(g, "movement", 0);
  }
}

TEST_P(Elements, a_table_is_gathered_from_in_either_order_by_ids_of_either_size) {
  for (weft_dtype ids : {WEFT_I64, WEFT_I32})
    for (int64_t n : {7, 64})
      for (const bool columns : {false, true}) {
        Graph g;
        const Data table = random_floats({30, n}, 1);
        const uint32_t w =
            columns ? g.column_major("w", 30, n, table.floats()) : g.constant("w", table);
        const uint32_t at = g.input("at", Data::integers({1, 5}, {0, 29, -1, -30, 11}));
        const uint32_t cast = g.activation("cast", ids, {1, 5});
        const uint32_t y = g.activation("y", WEFT_F32, {1, 5, n});
        g.node("Cast", {at}, {cast}, {{"to", int64_t(ids)}});
        g.node("Gather", {w, cast}, {y});
        g.outputs = {y};
        expect_like_reference(g, "table", 0);
      }
}

TEST_P(Elements, contents_are_read_by_kernels_and_may_be_outputs) {
  Graph g;
  const uint32_t past = g.slot(0, 6);
  const uint32_t known = g.contents("known", {D::slot(past), 5});
  const uint32_t x = g.input("x", Data::integers({2}, {10, 20}));
  const uint32_t y = g.activation("y", WEFT_I64, {2});
  g.node("Add", {x, known}, {y});
  g.outputs = {y};
  for (const int64_t slot : {4, 6}) {
    RunOptions options;
    options.slots = {slot};
    EXPECT_EQ(device().run(g, options)[0].integers(), (std::vector<int64_t>{10 + slot, 25}));
  }
}

}  // namespace
}  // namespace weft::test
