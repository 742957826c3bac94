// Gathers and scatters by computed places, tiles, pads, triangles and fills on the cpu against the
// reference.
#include "tests/plugins/problems.h"

namespace weft::test {
namespace {

TEST(CpuScatter, gathers_elements_along_any_axis) {
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

TEST(CpuScatter, scatters_elements_with_every_reduction) {
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

TEST(CpuScatter, scatters_pieces_of_any_depth) {
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

TEST(CpuScatter, an_index_outside_is_an_error_in_words) {
  for (const char* op : {"GatherElements", "ScatterElements"}) {
    Graph g;
    const uint32_t x = g.input("x", random_floats({3, 4}, 1));
    const uint32_t at = g.input("at", Data::integers({1, 4}, {0, 1, 3, 0}));
    const bool scatters = std::string(op) == "ScatterElements";
    const uint32_t y = g.activation("y", WEFT_F32, {scatters ? 3 : 1, 4});
    std::vector<uint32_t> in = {x, at};
    if (scatters) in.push_back(g.input("u", random_floats({1, 4}, 2)));
    g.node(op, in, {y}, {{"axis", int64_t(0)}});
    g.outputs = {y};
    try {
      Device("cpu").run(g);
      FAIL() << op;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find("index 3"), std::string::npos) << error.what();
    }
  }
}

TEST(CpuFill, tiles_repeat_along_every_axis) {
  Graph g;
  const uint32_t x = g.input("x", random_floats({2, 1, 3}, 1));
  const uint32_t y = g.activation("y", WEFT_F32, {4, 5, 3});
  g.node("Tile", {x, g.contents("repeats", {2, 5, 1})}, {y});
  g.outputs = {y};
  expect_like_reference(g, "tile", 0);
}

TEST(CpuFill, pads_in_every_mode) {
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

TEST(CpuFill, triangles_keep_what_lies_on_their_side) {
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

TEST(CpuFill, constants_of_a_shape_have_their_type) {
  Graph g;
  const uint32_t shape = g.contents("shape", {2, 3});
  std::vector<uint32_t> outputs;
  for (weft_dtype dtype : {WEFT_F32, WEFT_I64, WEFT_BOOL, WEFT_F16}) {
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

}  // namespace
}  // namespace weft::test
