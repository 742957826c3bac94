// Units become islands: in an order that can run, with as few changes of device as greed finds.
#include "core/partition/schedule.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/core/partition/parsed.h"

namespace weft::partition {
namespace {

using ir::Graph;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

const ir::Type kType{ir::DType::f32, {ir::Dim(4)}};

// A graph of Adds; node i reads `inputs[i]`: indices of earlier nodes, or -1 for the graph's input.
Graph graph_of(const std::vector<std::pair<int, int>>& inputs) {
  Graph graph;
  const ValueId x = graph.add_input("x", kType);
  std::vector<ValueId> made;
  for (const auto& [a, b] : inputs) {
    const auto value = [&](int i) { return i < 0 ? x : made[size_t(i)]; };
    made.push_back(graph.add(Op::Add, {value(a), value(b)}));
  }
  return graph;
}

std::vector<NodeId> nodes_at(const Graph& graph, const std::vector<size_t>& indices) {
  std::vector<NodeId> nodes;
  for (const size_t i : indices) nodes.push_back(graph.order()[i]);
  return nodes;
}

// One unit per node, on the device of the same position.
std::vector<Unit> units_on(const Graph& graph, const std::vector<uint32_t>& devices) {
  std::vector<Unit> units;
  for (size_t i = 0; i < devices.size(); ++i) units.push_back({devices[i], {graph.order()[i]}});
  return units;
}

// Every unit once, whole, on its device, and no node before one it needs.
void expect_runnable(const Graph& graph, const std::vector<Unit>& units,
                     const std::vector<Island>& islands) {
  std::set<NodeId> done;
  std::map<NodeId, uint32_t> unit_of;
  for (uint32_t i = 0; i < units.size(); ++i) {
    for (const NodeId id : units[i].nodes) unit_of[id] = i;
  }
  for (size_t i = 0; i < islands.size(); ++i) {
    const Island& island = islands[i];
    EXPECT_TRUE(i == 0 || island.device != islands[i - 1].device) << "neighbours are one island";
    ASSERT_EQ(island.nodes.size(), island.units.size());
    for (size_t k = 0; k < island.nodes.size(); ++k) {
      const NodeId id = island.nodes[k];
      EXPECT_EQ(units[unit_of.at(id)].device, island.device);
      EXPECT_EQ(unit_of.at(id), island.units[k]);
      for (const ValueId value : graph[id].inputs) {
        const NodeId producer = graph[value].producer;
        EXPECT_TRUE(producer == NodeId::none || done.contains(producer));
      }
      EXPECT_TRUE(done.insert(id).second) << "a node runs twice";
    }
  }
  EXPECT_EQ(done.size(), graph.order().size());
}

// 0 -> 1 -> 2 -> 3 on one device; 1 and 2 at fixed shapes.
TEST(Schedule, keeps_units_at_fixed_shapes_apart_from_others) {
  const Graph chain = graph_of({{-1, -1}, {0, 0}, {1, 1}, {2, 2}});
  std::vector<Unit> units = units_on(chain, {0, 0, 0, 0});
  units[1].fixed_shapes = units[2].fixed_shapes = true;
  const auto islands = schedule(chain, units);
  ASSERT_TRUE(islands.ok()) << islands.error().message;
  ASSERT_EQ(islands->size(), 3u);
  const std::vector<std::vector<NodeId>> nodes = {nodes_at(chain, {0}), nodes_at(chain, {1, 2}),
                                                  nodes_at(chain, {3})};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*islands)[i].nodes, nodes[i]);
    EXPECT_EQ((*islands)[i].fixed_shapes, i == 1);
  }
}

TEST(Convexity, holds_for_a_set_that_no_path_leaves_and_enters) {
  // 0 -> 1 -> 2 -> 3, and 0 -> 3
  const Graph chain = graph_of({{-1, -1}, {0, 0}, {1, 1}, {2, 0}});
  EXPECT_TRUE(is_convex(chain, nodes_at(chain, {0, 1, 2, 3})));
  EXPECT_TRUE(is_convex(chain, nodes_at(chain, {1, 2})));
  EXPECT_TRUE(is_convex(chain, nodes_at(chain, {2})));
  EXPECT_FALSE(is_convex(chain, nodes_at(chain, {0, 2})));
  EXPECT_FALSE(is_convex(chain, nodes_at(chain, {0, 3})));
  EXPECT_FALSE(is_convex(chain, nodes_at(chain, {0, 1, 3})));
}

TEST(Convexity, does_not_need_a_set_to_be_connected) {
  // Two chains side by side: 0 -> 2, 1 -> 3.
  const Graph pair = graph_of({{-1, -1}, {-1, -1}, {0, 0}, {1, 1}});
  EXPECT_TRUE(is_convex(pair, nodes_at(pair, {0, 1})));
  EXPECT_TRUE(is_convex(pair, nodes_at(pair, {0, 3})));
  EXPECT_TRUE(is_convex(pair, nodes_at(pair, {0, 1, 2})));
}

// By paths: from a member through a node outside to a member.
bool convex_by_paths(const Graph& graph, const std::set<size_t>& members) {
  const size_t count = graph.order().size();
  std::map<NodeId, size_t> index;
  for (size_t i = 0; i < count; ++i) index[graph.order()[i]] = i;
  std::vector<std::vector<bool>> reach(count, std::vector<bool>(count));
  for (size_t i = 0; i < count; ++i) {
    for (const ValueId value : graph[graph.order()[i]].inputs) {
      if (graph[value].producer == NodeId::none) continue;
      const size_t from = index[graph[value].producer];
      reach[from][i] = true;
      for (size_t k = 0; k < count; ++k) reach[k][i] = reach[k][i] || reach[k][from];
    }
  }
  for (const size_t a : members) {
    for (const size_t b : members) {
      for (size_t out = 0; out < count; ++out) {
        if (!members.contains(out) && reach[a][out] && reach[out][b]) return false;
      }
    }
  }
  return true;
}

Graph random_graph(std::mt19937& random, int count) {
  std::vector<std::pair<int, int>> inputs;
  for (int i = 0; i < count; ++i) {
    std::uniform_int_distribution<int> earlier(std::max(-1, i - 5), i - 1);
    const int a = earlier(random), b = earlier(random);
    inputs.emplace_back(a, b);
  }
  return graph_of(inputs);
}

TEST(Convexity, agrees_with_a_search_of_all_paths) {
  std::mt19937 random(3);
  int convex = 0;
  constexpr int kRounds = 500;
  for (int round = 0; round < kRounds; ++round) {
    const Graph graph = random_graph(random, 12);
    std::set<size_t> members;
    while (members.size() < 3) members.insert(random() % 12);
    const bool expected = convex_by_paths(graph, members);
    EXPECT_EQ(is_convex(graph, nodes_at(graph, {members.begin(), members.end()})), expected);
    convex += expected;
  }
  EXPECT_GT(convex, kRounds / 20);
  EXPECT_LT(convex, kRounds * 19 / 20);
}

TEST(Schedule, makes_one_island_of_one_device) {
  const Graph graph = graph_of({{-1, -1}, {0, -1}, {0, 1}, {-1, -1}});
  const auto units = units_on(graph, {0, 0, 0, 0});
  const auto islands = schedule(graph, units);
  ASSERT_TRUE(islands.ok());
  ASSERT_EQ(islands->size(), 1u);
  EXPECT_EQ((*islands)[0].nodes, graph.order());
  expect_runnable(graph, units, *islands);
}

TEST(Schedule, cuts_a_chain_of_alternating_devices_at_every_node) {
  const Graph graph = graph_of({{-1, -1}, {0, 0}, {1, 1}, {2, 2}});
  const auto units = units_on(graph, {0, 1, 0, 1});
  const auto islands = schedule(graph, units);
  ASSERT_TRUE(islands.ok());
  EXPECT_EQ(islands->size(), 4u);
  expect_runnable(graph, units, *islands);
}

TEST(Schedule, walks_alternating_chains_side_by_side) {
  // Eight chains of four, listed one after the other; still four islands.
  std::vector<std::pair<int, int>> inputs;
  std::vector<uint32_t> devices;
  for (int chain = 0; chain < 8; ++chain) {
    for (int i = 0; i < 4; ++i) {
      const int before = i == 0 ? -1 : chain * 4 + i - 1;
      inputs.emplace_back(before, before);
      devices.push_back(uint32_t(i % 2));
    }
  }
  const Graph graph = graph_of(inputs);
  const auto units = units_on(graph, devices);
  const auto islands = schedule(graph, units);
  ASSERT_TRUE(islands.ok());
  EXPECT_EQ(islands->size(), 4u);
  expect_runnable(graph, units, *islands);
}

// With two devices it is best to run all that is ready before changing, so only the start is open.
size_t fewest_islands(const Graph& graph, const std::vector<uint32_t>& devices) {
  size_t fewest = SIZE_MAX;
  for (uint32_t start = 0; start < 2; ++start) {
    std::set<NodeId> done;
    size_t islands = 0;
    for (uint32_t device = start; done.size() < devices.size(); device = 1 - device) {
      const size_t before = done.size();
      for (size_t i = 0; i < devices.size(); ++i) {
        const NodeId id = graph.order()[i];
        const auto& inputs = graph[id].inputs;
        const bool ready = std::all_of(inputs.begin(), inputs.end(), [&](ValueId v) {
          return graph[v].producer == NodeId::none || done.contains(graph[v].producer);
        });
        if (devices[i] == device && ready) done.insert(id);
      }
      islands += done.size() > before;
    }
    fewest = std::min(fewest, islands);
  }
  return fewest;
}

TEST(Schedule, of_random_graphs_is_runnable_and_at_most_one_island_from_the_fewest) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    const Graph graph = random_graph(random, 1 + round % 40);
    std::vector<uint32_t> devices;
    for (size_t i = 0; i < graph.order().size(); ++i) devices.push_back(random() % 2);
    const auto units = units_on(graph, devices);
    const auto islands = schedule(graph, units);
    ASSERT_TRUE(islands.ok());
    expect_runnable(graph, units, *islands);
    EXPECT_LE(islands->size(), fewest_islands(graph, devices) + 1);
  }
}

TEST(Schedule, keeps_units_of_several_nodes_together) {
  // 0 -> 1 -> 2 on device 0 as one unit, 3 beside them on device 1, 4 reads both.
  const Graph graph = graph_of({{-1, -1}, {0, 0}, {1, 1}, {-1, -1}, {2, 3}});
  const std::vector<Unit> units = {
      {0, nodes_at(graph, {0, 1, 2})}, {1, nodes_at(graph, {3})}, {0, nodes_at(graph, {4})}};
  const auto islands = schedule(graph, units);
  ASSERT_TRUE(islands.ok());
  expect_runnable(graph, units, *islands);
  EXPECT_EQ(islands->front().units, (std::vector<uint32_t>{0, 0, 0}));
}

TEST(Schedule, names_a_node_of_units_that_wait_for_each_other) {
  // 0 -> 2 and 1 -> 3, claimed crosswise as {0, 3} and {1, 2}: each is convex, together they wait.
  Graph graph = graph_of({{-1, -1}, {-1, -1}, {0, 0}, {1, 1}});
  graph[graph.order()[0]].name = "first";
  graph[graph.order()[1]].name = "second";
  const std::vector<Unit> units = {{0, nodes_at(graph, {0, 3})}, {1, nodes_at(graph, {1, 2})}};
  const auto islands = schedule(graph, units);
  ASSERT_FALSE(islands.ok());
  EXPECT_EQ(islands.error().kind, ErrorKind::plugin);
  EXPECT_NE(islands.error().message.find("'first'"), std::string::npos);
}

}  // namespace
}  // namespace weft::partition
