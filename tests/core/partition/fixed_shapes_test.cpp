// Which claims can run at fixed shapes, at which values, and what is said of the others.
#include "core/partition/fixed_shapes.h"

#include "core/partition/abi_graph.h"
#include "core/partition/claims.h"
#include "tests/core/partition/parsed.h"

namespace weft::partition {
namespace {

using ir::Dim;
using ir::Graph;
using test::open_device;
using test::parsed;
using test::plugin_file;

Dim parsed_dim(const char* text) { return *Dim::parse(text); }

TEST(FixedValue, is_the_value_at_the_upper_bounds) {
  sym::Bounds bounds;
  bounds.set("seq", {1, 256});
  bounds.set("rows", {1, 16});
  EXPECT_EQ(fixed_value(Dim(7), bounds), 7);
  EXPECT_EQ(fixed_value(parsed_dim("seq"), bounds), 256);
  EXPECT_EQ(fixed_value(parsed_dim("2*seq + rows"), bounds), 528);
  EXPECT_EQ(fixed_value(parsed_dim("seq*rows"), bounds), 4096);
}

TEST(FixedValue, is_none_where_another_binding_gives_more) {
  sym::Bounds bounds;
  bounds.set("seq", {1, 256});
  bounds.set("rows", {1, 16});
  EXPECT_EQ(fixed_value(parsed_dim("seq - rows"), bounds), std::nullopt);
  EXPECT_EQ(fixed_value(parsed_dim("300 - seq"), bounds), std::nullopt);
}

TEST(FixedValue, is_none_without_a_bound) {
  EXPECT_EQ(fixed_value(parsed_dim("n"), {}), std::nullopt);
}

std::string why(const std::string& text) {
  const Graph graph = parsed(text);
  return why_not_fixed(graph, graph.order());
}

TEST(WhyNotFixed, accepts_rows_of_a_bounded_number) {
  EXPECT_EQ(why(R"(graph "g" {
  symbol seq in [1, 64]
  input %x : f32[1, seq, 8]
  %y = Neg(%x) : f32[1, seq, 8]
  output "y" = %y
}
)"),
            "");
}

TEST(WhyNotFixed, names_what_is_in_the_way) {
  EXPECT_NE(why(R"(graph "g" {
  input %x : f32[n, 8]
  %y = Neg(%x) : f32[n, 8]
  output "y" = %y
}
)")
                .find("'n' of 'x' f32[n, 8] has no useful upper bound"),
            std::string::npos);
  EXPECT_NE(why(R"(graph "g" {
  symbol past in [0, 64]
  symbol seq in [1, 64]
  input %x : f32[past + seq, 8]
  %y = Neg(%x) : f32[past + seq, 8]
  output "y" = %y
}
)")
                .find("grows with every token"),
            std::string::npos);
  EXPECT_NE(why(R"(graph "g" {
  symbol seq in [1, 64]
  input %x : f32[8, seq]
  %y = Neg(%x) : f32[8, seq]
  output "y" = %y
}
)")
                .find("rows of 'x' f32[8, seq] change their length"),
            std::string::npos);
}

constexpr const char* kChain = R"(graph "chain" {
  symbol seq in [1, 32]
  symbol past in [0, 99]
  input %x : f32[seq, 8]
  input %z : f32[past, 8]
  %a = Neg(%x) : f32[seq, 8]
  %b = Neg(%z) : f32[past, 8]
  output "a" = %a
  output "b" = %b
}
)";

TEST(FixedSlots, are_values_of_the_slots_that_an_island_names) {
  const Graph graph = parsed(kChain);
  sym::SlotTable slots;
  slots.slot(parsed_dim("past"));
  const std::vector<ir::NodeId> first = {graph.order()[0]};
  const AbiGraph::Part part{first, {}, {}, {}};
  const AbiGraph island(graph, part, slots);
  EXPECT_EQ(fixed_slots(island.get(), slots, graph.bounds), (std::vector<int64_t>{-1, 32}));
}

// A claim that cannot be at fixed shapes goes to the next device, with the reason.
TEST(FixedShapes, are_decided_when_nodes_are_given_out) {
  const Graph graph = parsed(kChain);
  ::setenv("WEFT_TEST_CLAIMS", "0;1", 1);
  ::setenv("WEFT_TEST_CLAIM_FLAGS", "1", 1);
  const std::vector<host::DevicePtr> devices = {open_device(WEFT_SCRIPTED_PLUGIN),
                                                open_device(plugin_file("reference"))};
  const std::vector<uint32_t> preference = {0, 1};
  const auto assignment = assign(graph, devices, preference);
  ::unsetenv("WEFT_TEST_CLAIMS");
  ::unsetenv("WEFT_TEST_CLAIM_FLAGS");
  ASSERT_TRUE(assignment.ok()) << assignment.error().message;
  ASSERT_EQ(assignment->units.size(), 2u);
  EXPECT_EQ(assignment->units[0].device, 0u);
  EXPECT_TRUE(assignment->units[0].fixed_shapes);
  EXPECT_EQ(assignment->units[1].device, 1u);
  EXPECT_FALSE(assignment->units[1].fixed_shapes);
  ASSERT_EQ(assignment->declines.size(), 1u);
  EXPECT_EQ(assignment->declines[0].code, WEFT_REFUSE_DYNAMIC);
  EXPECT_NE(assignment->declines[0].why.find("grows with every token"), std::string::npos);
}

}  // namespace
}  // namespace weft::partition
