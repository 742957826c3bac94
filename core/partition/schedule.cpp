#include "core/partition/schedule.h"

#include <algorithm>
#include <map>
#include <set>

namespace weft::partition {

using ir::Graph;
using ir::NodeId;
using ir::ValueId;

bool is_convex(const Graph& graph, const std::vector<NodeId>& nodes) {
  if (nodes.size() < 2) return true;
  const std::set<NodeId> inside(nodes.begin(), nodes.end());
  // Everything outside that depends on the set; if the set depends on any of it, a path comes back.
  std::set<NodeId> after;
  for (const NodeId id : graph.order()) {
    bool reads_inside = false, reads_after = false;
    for (const ValueId value : graph[id].inputs) {
      if (value == ValueId::none) continue;
      const NodeId producer = graph[value].producer;
      reads_inside = reads_inside || inside.contains(producer);
      reads_after = reads_after || after.contains(producer);
    }
    if (inside.contains(id)) {
      if (reads_after) return false;
    } else if (reads_inside || reads_after) {
      after.insert(id);
    }
  }
  return true;
}

namespace {

// Which units wait for which.
struct Waiting {
  std::vector<std::set<uint32_t>> needs, unblocks;
};

Waiting find_waiting(const Graph& graph, const std::vector<Unit>& units) {
  std::map<NodeId, uint32_t> unit_of;
  for (uint32_t i = 0; i < units.size(); ++i) {
    for (const NodeId id : units[i].nodes) unit_of[id] = i;
  }
  Waiting waiting{std::vector<std::set<uint32_t>>(units.size()),
                  std::vector<std::set<uint32_t>>(units.size())};
  for (uint32_t i = 0; i < units.size(); ++i) {
    for (const NodeId id : units[i].nodes) {
      for (const ValueId value : graph[id].inputs) {
        if (value == ValueId::none || graph[value].producer == NodeId::none) continue;
        const uint32_t from = unit_of.at(graph[value].producer);
        if (from == i) continue;
        waiting.needs[i].insert(from);
        waiting.unblocks[from].insert(i);
      }
    }
  }
  return waiting;
}

}  // namespace

Result<std::vector<Island>> schedule(const Graph& graph, const std::vector<Unit>& units) {
  Waiting waiting = find_waiting(graph, units);
  // Ready units that may share an island, in graph order: those of one device, of one kind.
  using Kind = std::pair<uint32_t, bool>;
  const auto kind_of = [](const auto& one) { return Kind(one.device, one.fixed_shapes); };
  std::map<Kind, std::set<uint32_t>> ready;
  for (uint32_t i = 0; i < units.size(); ++i) {
    if (waiting.needs[i].empty()) ready[kind_of(units[i])].insert(i);
  }
  std::vector<Island> islands;
  size_t done = 0;
  while (!ready.empty()) {
    const bool stay = !islands.empty() && ready.contains(kind_of(islands.back()));
    const auto from = stay ? ready.find(kind_of(islands.back())) : ready.begin();
    if (!stay) islands.push_back({from->first.first, {}, {}, from->first.second});
    const uint32_t unit = *from->second.begin();
    from->second.erase(from->second.begin());
    if (from->second.empty()) ready.erase(from);
    for (const NodeId id : units[unit].nodes) {
      islands.back().nodes.push_back(id);
      islands.back().units.push_back(unit);
    }
    ++done;
    for (const uint32_t next : waiting.unblocks[unit]) {
      waiting.needs[next].erase(unit);
      if (waiting.needs[next].empty()) ready[kind_of(units[next])].insert(next);
    }
  }
  if (done == units.size()) return islands;
  for (uint32_t i = 0; i < units.size(); ++i) {
    if (!waiting.needs[i].empty()) {
      return Error{"claims wait for each other in a circle through node '" +
                       graph[units[i].nodes[0]].name + "'",
                   ErrorKind::plugin};
    }
  }
  return islands;
}

}  // namespace weft::partition
