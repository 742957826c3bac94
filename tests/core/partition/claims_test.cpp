// Each node goes to the first backend that claims it; every refusal is kept with its sentence.
#include "core/partition/claims.h"

#include "tests/core/partition/parsed.h"

namespace weft::partition {
namespace {

using ir::Graph;
using test::open_device;
using test::parsed;
using test::plugin_file;

constexpr const char* kChain = R"(graph "chain" {
  symbol n in [1, 64]
  input %x : f32[n, 8]
  input %y : f32[n, 8]
  %a = Mul(%x, %y) : f32[n, 8] "first product"
  %b = Add(%a, %x) : f32[n, 8] "sum"
  %c = Mul(%b, %y) : f32[n, 8] "second product"
  output "c" = %c
}
)";

// Device of each node, in graph order.
std::vector<uint32_t> devices_of(const Graph& graph, const Assignment& assignment) {
  std::vector<uint32_t> devices;
  for (const ir::NodeId id : graph.order()) {
    size_t times = 0;
    for (const Unit& unit : assignment.units) {
      for (const ir::NodeId node : unit.nodes) {
        if (node != id) continue;
        ++times;
        devices.push_back(unit.device);
      }
    }
    EXPECT_EQ(times, 1u) << "a node is in " << times << " units";
  }
  return devices;
}

class Claims : public testing::Test {
 protected:
  void script(const char* claims) { ::setenv("WEFT_TEST_CLAIMS", claims, 1); }
  void TearDown() override { ::unsetenv("WEFT_TEST_CLAIMS"); }
  host::DevicePtr scripted() { return open_device(WEFT_SCRIPTED_PLUGIN); }
  const Graph graph = parsed(kChain);
};

TEST_F(Claims, go_to_the_most_wanted_backend_that_can) {
  const std::vector<host::DevicePtr> devices = {open_device(plugin_file("null")),
                                                open_device(plugin_file("reference"))};
  ASSERT_TRUE(devices[0] && devices[1]);
  const std::vector<uint32_t> null_first = {0, 1}, reference_first = {1, 0};
  const auto split = assign(graph, devices, null_first);
  ASSERT_TRUE(split.ok()) << split.error().message;
  EXPECT_EQ(devices_of(graph, *split), (std::vector<uint32_t>{1, 0, 1}));
  ASSERT_EQ(split->declines.size(), 2u);
  EXPECT_EQ(split->declines[0].node, graph.order()[0]);
  EXPECT_EQ(split->declines[0].device, 0u);
  EXPECT_EQ(split->declines[0].code, uint32_t(WEFT_REFUSE_OP));
  EXPECT_EQ(split->declines[0].why, "only Add is run here");
  EXPECT_EQ(split->declines[1].node, graph.order()[2]);
  const auto whole = assign(graph, devices, reference_first);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_EQ(devices_of(graph, *whole), (std::vector<uint32_t>{1, 1, 1}));
  EXPECT_TRUE(whole->declines.empty());
  // What null says changes nothing, and is kept.
  ASSERT_EQ(whole->late_declines.size(), 2u);
  EXPECT_EQ(whole->late_declines[0].why, "only Add is run here");
  ASSERT_EQ(whole->late_claims.size(), 1u);
  EXPECT_EQ(whole->late_claims[0].node, graph.order()[1]);
  EXPECT_EQ(whole->late_claims[0].device, 0u);
}

TEST_F(Claims, name_the_first_node_that_nobody_takes) {
  const std::vector<host::DevicePtr> devices = {open_device(plugin_file("null"))};
  ASSERT_TRUE(devices[0]);
  const std::vector<uint32_t> preference = {0};
  const auto nobody = assign(graph, devices, preference);
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().kind, ErrorKind::plugin);
  for (const char* part : {"first product", "Mul", "null: only Add is run here"}) {
    EXPECT_NE(nobody.error().message.find(part), std::string::npos) << nobody.error().message;
  }
}

TEST_F(Claims, of_several_nodes_are_one_unit) {
  const std::vector<host::DevicePtr> devices = {scripted()};
  ASSERT_TRUE(devices[0]);
  const std::vector<uint32_t> preference = {0};
  script("1,2;0");
  const auto two = assign(graph, devices, preference);
  ASSERT_TRUE(two.ok()) << two.error().message;
  ASSERT_EQ(two->units.size(), 2u);  // in graph order, not in the order of the claims
  EXPECT_EQ(two->units[0].nodes.size(), 1u);
  EXPECT_EQ(two->units[1].nodes, (std::vector<ir::NodeId>{graph.order()[1], graph.order()[2]}));
}

TEST_F(Claims, that_name_a_node_twice_hold_it_once) {
  const std::vector<host::DevicePtr> devices = {scripted()};
  ASSERT_TRUE(devices[0]);
  const std::vector<uint32_t> preference = {0};
  script("2,1,2,0");
  const auto once = assign(graph, devices, preference);
  ASSERT_TRUE(once.ok()) << once.error().message;
  ASSERT_EQ(once->units.size(), 1u);
  EXPECT_EQ(once->units[0].nodes, graph.order());
}

TEST_F(Claims, that_overlap_are_all_or_nothing) {
  const std::vector<host::DevicePtr> devices = {scripted(), open_device(plugin_file("reference"))};
  ASSERT_TRUE(devices[0] && devices[1]);
  const std::vector<uint32_t> preference = {0, 1};
  script("0,1;1,2");
  const auto first_wins = assign(graph, devices, preference);
  ASSERT_TRUE(first_wins.ok()) << first_wins.error().message;
  EXPECT_EQ(devices_of(graph, *first_wins), (std::vector<uint32_t>{0, 0, 1}));
  ASSERT_FALSE(first_wins->declines.empty());
  EXPECT_EQ(first_wins->declines[0].node, graph.order()[2]);
  EXPECT_EQ(first_wins->declines[0].why,
            "it claims the node only together with 'sum', which is taken");
}

TEST_F(Claims, that_cannot_run_as_one_are_declined_for_their_backend) {
  const std::vector<host::DevicePtr> devices = {scripted(), open_device(plugin_file("reference"))};
  ASSERT_TRUE(devices[0] && devices[1]);
  const std::vector<uint32_t> preference = {0, 1};
  script("0,2");
  const auto rest = assign(graph, devices, preference);
  ASSERT_TRUE(rest.ok()) << rest.error().message;
  EXPECT_EQ(devices_of(graph, *rest), (std::vector<uint32_t>{1, 1, 1}));
  ASSERT_EQ(rest->declines.size(), 3u);
  EXPECT_EQ(rest->declines[0].why,
            "it claims nodes that cannot run as one: a path leaves them and returns");
  EXPECT_EQ(rest->declines[2].why, "not in the script");
}

TEST_F(Claims, of_nodes_that_do_not_exist_are_an_error) {
  const std::vector<host::DevicePtr> devices = {scripted()};
  ASSERT_TRUE(devices[0]);
  const std::vector<uint32_t> preference = {0};
  script("0,1,2,3");
  const auto wrong = assign(graph, devices, preference);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::plugin);
}

}  // namespace
}  // namespace weft::partition
