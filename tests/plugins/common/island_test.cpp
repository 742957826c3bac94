// What a program keeps of a graph: places, fixed slots, shapes and offsets of a run, and malformed
// graphs refused.
#include "plugins/common/island.h"

#include <gtest/gtest.h>

#include "tests/plugins/harness.h"

namespace weft::common {
namespace {

using test::D;
using test::Data;
using test::Graph;
using Where = Island::Where;

Island read(const weft_graph& graph, const int64_t* slots = nullptr) {
  weft_compile_args args{};
  args.struct_size = sizeof args;
  args.graph = &graph;
  args.slots = slots;
  return Island(args);
}

template <typename Body>
std::string failure_of(Body&& body) {
  try {
    body();
  } catch (const plugin::Failure& failure) {
    return failure.message;
  }
  return "";
}

// x [rows, 4] -> h -> y, where h is a row of a state [8, 4] at byte `at`.
struct Cached {
  Graph g;
  uint32_t rows = g.slot(1, 8), at = g.slot(0, 128);
  uint32_t x = g.input("x", Data::zeros(WEFT_F32, {1, 4}), {D::slot(rows), 4});
  uint32_t cache = g.input("cache", Data::zeros(WEFT_F32, {8, 4}), {}, WEFT_VALUE_STATE);
  uint32_t h = g.view("h", WEFT_F32, {D::slot(rows), 4}, cache, D::slot(at));
  uint32_t t = g.activation("t", WEFT_F32, {D::slot(rows), 4});
  uint32_t y = g.activation("y", WEFT_F32, {D::slot(rows), 4});
  Cached() {
    g.node("Neg", {x}, {h});
    g.node("Neg", {h}, {t});
    g.node("Neg", {t}, {y});
    g.outputs = {y, cache};
  }
};

TEST(Island, knows_where_values_are) {
  Cached c;
  const Island island = read(c.g.pod());
  EXPECT_EQ(island.values[c.x].where, Where::input);
  EXPECT_EQ(island.values[c.cache].where, Where::input);  // although it is an output as well
  EXPECT_TRUE(island.values[c.cache].state);
  EXPECT_EQ(island.values[c.h].where, Where::view);
  EXPECT_EQ(island.values[c.t].where, Where::workspace);
  EXPECT_EQ(island.values[c.y].where, Where::output);
  EXPECT_EQ(island.views, std::vector<uint32_t>{c.h});
  EXPECT_TRUE(island.is_input(1));
  EXPECT_TRUE(island.is_output(0));
  EXPECT_FALSE(island.is_output(1));
}

TEST(Island, follows_the_slots_and_says_when_nothing_changed) {
  Cached c;
  Island island = read(c.g.pod());
  const int64_t first[] = {3, 16}, second[] = {4, 64};
  EXPECT_TRUE(island.refresh(first));
  EXPECT_FALSE(island.refresh(first));
  EXPECT_EQ(island.values[c.t].count, 12);
  EXPECT_EQ(island.values[c.h].offset, 16u);
  EXPECT_TRUE(island.refresh(second));
  EXPECT_EQ(island.values[c.t].bytes, 64u);
  EXPECT_EQ(island.values[c.h].offset, 64u);
  EXPECT_GE(island.workspace_bytes(), 64u);
  island.set_shapes(first);
  EXPECT_TRUE(island.refresh(second));
  EXPECT_NE(failure_of([&] { island.refresh(nullptr); }), "");
}

TEST(Island, a_slot_that_is_fixed_is_a_number) {
  Cached c;
  const int64_t fixed[] = {2, -1};
  const Island island = read(c.g.pod(), fixed);
  EXPECT_FALSE(island.values[c.x].dynamic);
  EXPECT_EQ(island.values[c.x].dims[0].value, 2);
  EXPECT_TRUE(island.values[c.h].dynamic);
}

TEST(Island, a_run_that_leaves_its_memory_is_refused_and_the_next_one_is_not) {
  Cached c;
  Island island = read(c.g.pod());
  const int64_t good[] = {3, 16}, outside[] = {3, 96}, between[] = {3, 18}, negative[] = {-1, 0};
  EXPECT_TRUE(island.refresh(good));
  EXPECT_NE(failure_of([&] { island.refresh(outside); }).find("outside its parent: h"),
            std::string::npos);
  EXPECT_NE(failure_of([&] { island.refresh(between); }).find("offset of h"), std::string::npos);
  EXPECT_NE(failure_of([&] { island.refresh(negative); }).find("dim 0 of x is -1"),
            std::string::npos);
  EXPECT_TRUE(island.refresh(good));
  EXPECT_EQ(island.values[c.x].shape[0], 3);
}

TEST(Island, a_malformed_graph_is_refused_in_words) {
  const auto refused = [](auto change) {
    Cached c;
    weft_graph graph = c.g.pod();
    std::vector<weft_value> values(graph.values, graph.values + graph.value_count);
    graph.values = values.data();
    const uint32_t inputs[] = {c.x, 99};
    change(c, graph, values, inputs);
    return failure_of([&] { read(graph); });
  };
  using Values = std::vector<weft_value>;
  EXPECT_EQ(refused([](Cached&, weft_graph&, Values&, const uint32_t*) {}), "");
  EXPECT_EQ(refused([](Cached&, weft_graph& graph, Values&, const uint32_t* inputs) {
              graph.inputs = inputs;
            }),
            "no such graph input");
  EXPECT_EQ(refused([](Cached& c, weft_graph&, Values& values, const uint32_t*) {
              values[c.h].parent = c.h;
            }),
            "views are each other's parents: h");
  EXPECT_EQ(refused([](Cached& c, weft_graph&, Values& values, const uint32_t*) {
              values[c.h].parent = 99;
            }),
            "a view of no value");
  EXPECT_EQ(
      refused([](Cached&, weft_graph& graph, Values&, const uint32_t*) { graph.slot_count = 1; }),
      "a dim names a slot that is not there");
  EXPECT_EQ(failure_of([] { Island(weft_compile_args{}); }), "compile without a graph");
}

}  // namespace
}  // namespace weft::common
