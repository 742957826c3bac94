// A plan: tasks with what they wait for, copies only between memories, places that never collide.
#include "core/plan/plan.h"

#include <algorithm>

#include "tests/core/partition/parsed.h"

namespace weft::plan {
namespace {

using ir::Graph;
using ir::ValueId;
using partition::Unit;
using test::parsed;
using test::value_named;
using test::with;

constexpr const char* kChain = R"(graph "chain" {
  symbol n in [1, 64]
  input %x : f32[n, 8]
  input %y : f32[n, 8]
  %a = Mul(%x, %y) : f32[n, 8]
  %b = Add(%a, %x) : f32[n, 8]
  %c = Mul(%b, %x) : f32[n, 8]
  output "c" = %c
}
)";

constexpr const char* kCache = R"(graph "cache" {
  symbol past in [0, 63]
  symbol seq in [1, 16]
  input %x : f32[1, seq, 4]
  state %cache : f32[1, 64, 4]
  symbolic %position : i64[1] is {past}
  %k = Tanh(%x) : f32[1, seq, 4] in %cache at 4*past
  %c = TensorScatter(%cache, %k, %position) {axis = 1} : f32[1, 64, 4] in %cache at 0
  %y = Neg(%c) : f32[1, 64, 4]
  output "y" = %y
}
)";

// The plan for nodes on `devices`, one unit each.
Result<std::unique_ptr<Plan>> plan_on(const Graph& graph, const std::vector<uint32_t>& devices,
                                      const std::vector<uint32_t>& domains) {
  std::vector<Unit> units;
  for (size_t i = 0; i < devices.size(); ++i) units.push_back({devices[i], {graph.order()[i]}});
  return Plan::make(graph, TRY(partition::schedule(graph, units)), domains);
}

std::string tasks_of(const Plan& plan) {
  std::string text;
  for (const Task& task : plan.tasks()) {
    if (!text.empty()) text += "; ";
    if (task.kind == Task::Kind::run) {
      text += "run " + std::to_string(task.island);
    } else {
      text += "copy " + plan.graph()[task.value].name + " " + std::to_string(task.from_domain) +
              ">" + std::to_string(task.to_domain);
    }
    for (const uint32_t need : task.needs) text += " after " + std::to_string(need);
  }
  return text;
}

TEST(Plan, of_one_device_is_one_island_and_one_task) {
  const Graph graph = parsed(kChain);
  const auto plan = plan_on(graph, {0, 0, 0}, {0});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(tasks_of(**plan), "run 0");
  EXPECT_EQ((*plan)->islands()[0].nodes, graph.order());
}

TEST(Plan, of_devices_that_share_memory_copies_nothing) {
  const Graph graph = parsed(kChain);
  const auto plan = plan_on(graph, {0, 1, 0}, {0, 0});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(tasks_of(**plan), "run 0; run 1 after 0; run 2 after 1");
  EXPECT_EQ((*plan)->arena_bytes().size(), 1u);
}

TEST(Plan, of_devices_that_share_none_copies_each_value_once) {
  const Graph graph = parsed(kChain);
  const auto plan = plan_on(graph, {0, 1, 0}, {0, 1});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(tasks_of(**plan),
            "run 0; copy x 0>1; copy a 0>1 after 0; run 1 after 1 after 2; copy b 1>0 after 3; "
            "run 2 after 4");
  EXPECT_EQ((*plan)->home(value_named(graph, "x")), 0u);
  EXPECT_EQ((*plan)->home(value_named(graph, "b")), 1u);
  EXPECT_EQ((*plan)->home(value_named(graph, "c")), 0u);
  ASSERT_EQ((*plan)->arena_bytes().size(), 2u);
  // Two inputs and a result of [64, 8] live at once on device 1.
  EXPECT_EQ((*plan)->arena_bytes()[1], 3 * 64 * 8 * 4);
  for (const char* name : {"x", "a", "b"}) {
    EXPECT_EQ((*plan)->location(value_named(graph, name), 0).domain, 0u);
    EXPECT_EQ((*plan)->location(value_named(graph, name), 1).domain, 1u);
  }
}

TEST(Plan, does_not_copy_again_for_a_second_reader) {
  const Graph graph = parsed(R"(graph "twice" {
  input %x : f32[8]
  %a = Neg(%x) : f32[8]
  %b = Add(%a, %a) : f32[8]
  %c = Neg(%b) : f32[8]
  %d = Add(%a, %c) : f32[8]
  output "d" = %d
}
)");
  const auto plan = plan_on(graph, {0, 1, 0, 1}, {0, 1});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(tasks_of(**plan),
            "run 0; copy a 0>1 after 0; run 1 after 1; copy b 1>0 after 2; run 2 after 3; "
            "copy c 0>1 after 4; run 3 after 1 after 5");
}

TEST(Plan, keeps_values_that_live_at_once_apart) {
  const Graph graph = parsed(kChain);
  const auto plan = plan_on(graph, {0, 0, 0}, {0});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const int64_t size = 64 * 8 * 4;  // at the upper bound of n
  const auto offset = [&](const char* name) {
    return (*plan)->location(value_named(graph, name), 0).offset_bytes;
  };
  const auto apart = [&](const char* a, const char* b) {
    return std::abs(offset(a) - offset(b)) >= size;
  };
  EXPECT_TRUE(apart("x", "y"));
  EXPECT_TRUE(apart("x", "a"));
  EXPECT_TRUE(apart("y", "a"));
  EXPECT_TRUE(apart("a", "b"));
  EXPECT_TRUE(apart("b", "c"));
  EXPECT_TRUE(apart("x", "c"));
  EXPECT_EQ((*plan)->arena_bytes()[0], 3 * size);
}

TEST(Plan, gives_no_memory_to_what_stays_inside_a_unit) {
  const Graph graph = parsed(kChain);
  std::vector<Unit> units = {{0, graph.order()}};
  auto islands = partition::schedule(graph, units);
  ASSERT_TRUE(islands.ok());
  const auto plan = Plan::make(graph, std::move(*islands), {0});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ((*plan)->arena_bytes()[0], 3 * 64 * 8 * 4);  // x, y and c
  const weft_graph& abi = (*plan)->islands()[0].graph->get();
  for (uint32_t i = 0; i < abi.value_count; ++i) {
    const std::string name = abi.values[i].name;
    const bool inside = name == "a" || name == "b";
    EXPECT_EQ(abi.values[i].offset.value < 0, inside) << name;
  }
}

TEST(Plan, keeps_a_cache_where_its_nodes_run_and_views_inside_it) {
  const Graph graph = parsed(kCache);
  const auto plan = plan_on(graph, {1, 1, 0}, {0, 1});
  // The reader of the whole cache is on a device that cannot see it.
  ASSERT_FALSE(plan.ok());
  const auto together = plan_on(graph, {1, 1, 1}, {0, 1});
  ASSERT_TRUE(together.ok()) << together.error().message;
  const ValueId cache = value_named(graph, "cache"), k = value_named(graph, "k");
  EXPECT_EQ((*together)->home(cache), 1u);
  const Location& view = (*together)->location(k, 1);
  EXPECT_EQ(view.state, cache);
  ASSERT_NE(view.offset_slot, WEFT_NONE);
  sym::SlotProgram program((*together)->slots());
  program.set("past", 5);
  program.set("seq", 1);
  program.evaluate();
  EXPECT_EQ(program.values()[view.offset_slot], 5 * 4 * 4);
  EXPECT_EQ((*together)->location(value_named(graph, "c"), 1).offset_bytes, 0);
}

TEST(Plan, refuses_a_cache_between_memories_naming_it) {
  const Graph graph = parsed(kCache);
  // Whoever writes the cache and whoever reads it must see the one memory.
  for (const auto& devices : std::vector<std::vector<uint32_t>>{{1, 1, 0}, {0, 0, 1}}) {
    const auto plan = plan_on(graph, devices, {0, 1});
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().kind, ErrorKind::plugin);
    EXPECT_NE(plan.error().message.find("'cache'"), std::string::npos) << plan.error().message;
    EXPECT_TRUE(plan_on(graph, devices, {0, 0}).ok());
  }
}

TEST(Plan, lets_an_update_from_another_memory_be_scattered_into_the_cache) {
  const Graph graph = parsed(kCache);
  const ValueId k = value_named(graph, "k"), cache = value_named(graph, "cache");
  const auto apart = plan_on(graph, {1, 0, 0}, {0, 1});
  ASSERT_TRUE(apart.ok()) << apart.error().message;
  EXPECT_EQ(tasks_of(**apart), "run 0; copy k 1>0 after 0; run 1 after 1");
  ASSERT_EQ((*apart)->copied_updates().size(), 1u);
  EXPECT_EQ((*apart)->copied_updates()[0].value, k);
  EXPECT_EQ((*apart)->copied_updates()[0].state, cache);
  EXPECT_EQ((*apart)->copied_updates()[0].device, 1u);
  for (const uint32_t domain : {0u, 1u}) {
    const Location& place = (*apart)->location(k, domain);
    EXPECT_EQ(place.state, ValueId::none);
    EXPECT_EQ(place.offset_slot, WEFT_NONE);
  }
  // What TensorScatter makes stays inside the cache, and plugins are told the same.
  EXPECT_EQ((*apart)->location(value_named(graph, "c"), 0).state, cache);
  const weft_graph& producer = (*apart)->islands()[0].graph->get();
  for (uint32_t i = 0; i < producer.value_count; ++i)
    EXPECT_FALSE(WEFT_AT(weft_value, producer.values, producer.value_stride, i)->flags &
                 WEFT_VALUE_VIEW);
  // On shared memory nothing changes.
  const auto together = plan_on(graph, {1, 0, 0}, {0, 0});
  ASSERT_TRUE(together.ok()) << together.error().message;
  EXPECT_TRUE((*together)->copied_updates().empty());
  EXPECT_EQ((*together)->location(k, 0).state, cache);
}

TEST(Plan, refuses_a_size_without_an_upper_bound) {
  const Graph graph = parsed(with(kChain, "[1, 64]", "[1, inf]"));
  const auto plan = plan_on(graph, {0, 0, 0}, {0});
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("has no useful upper bound"), std::string::npos);
}

TEST(Plan, has_a_place_for_an_input_that_nobody_reads) {
  const Graph graph = parsed(with(kChain, "  input %y", "  input %unread : f32[n]\n  input %y"));
  const auto plan = plan_on(graph, {1, 1, 1}, {0, 1});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const ValueId unread = value_named(graph, "unread");
  const Location& place = (*plan)->location(unread, (*plan)->home(unread));
  EXPECT_GE(place.offset_bytes, 0);
  EXPECT_EQ(tasks_of(**plan), "run 0");
}

TEST(Plan, has_slots_for_the_dims_of_inputs_and_outputs) {
  const Graph graph = parsed(kChain);
  const auto plan = plan_on(graph, {0, 0, 0}, {0});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const RunDim n = (*plan)->run_dim(ir::Dim::symbol("n"));
  EXPECT_NE(n.slot, WEFT_NONE);
  const RunDim eight = (*plan)->run_dim(ir::Dim(8));
  EXPECT_EQ(eight.slot, WEFT_NONE);
  EXPECT_EQ(eight.value, 8);
}

}  // namespace
}  // namespace weft::plan
