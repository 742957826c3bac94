#include "core/partition/claims.h"

#include <algorithm>
#include <map>

#include "core/ops/infer_graph.h"
#include "core/partition/abi_graph.h"
#include "core/partition/fixed_shapes.h"

namespace weft::partition {

using ir::Graph;
using ir::NodeId;

namespace {

// The nodes of a claim, each once.
std::vector<NodeId> nodes_of(const host::Claim& claim, const std::vector<NodeId>& order) {
  std::vector<NodeId> nodes;
  for (const uint32_t index : claim.nodes) nodes.push_back(order[index]);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

Error nobody_claims(const Graph& graph, NodeId node, const Assignment& so_far,
                    std::span<const host::DevicePtr> devices,
                    std::span<const uint32_t> preference) {
  std::string text = ops::describe(graph, node) + " is claimed by no backend";
  for (const uint32_t device : preference) {
    std::string why = "gives no reason";
    for (const Decline& decline : so_far.declines) {
      if (decline.node == node && decline.device == device) why = decline.why;
    }
    text += "; " + devices[device]->plugin()->name() + ": " + why;
  }
  return Error{text, ErrorKind::plugin};
}

// Devices answer one after the other; each answer is entered here before the next device is asked.
struct Rounds {
  const Graph& graph;
  const AbiGraph& abi;
  Assignment& out;
  std::map<NodeId, uint32_t> taken = {};  // node -> unit

  void decline(Decline decline) {
    auto& list = taken.contains(decline.node) ? out.late_declines : out.declines;
    list.push_back(std::move(decline));
  }

  void decline_all(const std::vector<NodeId>& nodes, uint32_t device, uint32_t code,
                   const std::string& why) {
    for (const NodeId id : nodes) decline({id, device, code, why});
  }

  // A claim is all or nothing: nodes beside a taken one are left to the backends asked next.
  bool overlaps(const std::vector<NodeId>& nodes, uint32_t device) {
    const auto other =
        std::find_if(nodes.begin(), nodes.end(), [&](NodeId id) { return taken.contains(id); });
    if (other == nodes.end()) return false;
    for (const NodeId id : nodes) {
      if (!taken.contains(id)) {
        decline(
            {id, device, WEFT_REFUSE_OTHER,
             "it claims the node only together with '" + graph[*other].name + "', which is taken"});
      } else if (out.units[taken.at(id)].device != device) {
        out.late_claims.push_back({id, device});
      }
    }
    return true;
  }

  void enter(const host::Claim& claim, uint32_t device) {
    std::vector<NodeId> nodes = nodes_of(claim, graph.order());
    if (overlaps(nodes, device)) return;
    if (!is_convex(graph, nodes)) {
      return decline_all(nodes, device, WEFT_REFUSE_OTHER,
                         "it claims nodes that cannot run as one: a path leaves them and returns");
    }
    const bool fixed = claim.flags & WEFT_CLAIM_NEEDS_STATIC_SHAPES;
    if (const std::string why = fixed ? why_not_fixed(graph, nodes) : ""; !why.empty())
      return decline_all(nodes, device, WEFT_REFUSE_DYNAMIC, why);
    for (const NodeId id : nodes) taken[id] = uint32_t(out.units.size());
    out.units.push_back({device, std::move(nodes), fixed, claim.reason});
  }

  void enter(const host::Refusal& refusal, uint32_t device) {
    const NodeId id = graph.order()[refusal.node];
    const bool has_it = taken.contains(id) && out.units[taken.at(id)].device == device;
    if (has_it) return;
    decline({id, device, refusal.code, refusal.why, abi.value_at(refusal.value), refusal.what,
             refusal.found, refusal.limit});
  }
};

// Units in graph order: the scheduler keeps it among what is ready.
void sort_units(const Graph& graph, std::vector<Unit>& units) {
  std::map<NodeId, size_t> rank;
  for (size_t i = 0; i < graph.order().size(); ++i) rank[graph.order()[i]] = i;
  for (Unit& unit : units) {
    std::sort(unit.nodes.begin(), unit.nodes.end(),
              [&](NodeId a, NodeId b) { return rank[a] < rank[b]; });
  }
  std::sort(units.begin(), units.end(),
            [&](const Unit& a, const Unit& b) { return rank[a.nodes[0]] < rank[b.nodes[0]]; });
}

}  // namespace

Result<Assignment> assign(const Graph& graph, std::span<const host::DevicePtr> devices,
                          std::span<const uint32_t> preference) {
  sym::SlotTable slots;
  const AbiGraph::Part whole{graph.order(), {}, {}, {}};
  const AbiGraph abi(graph, whole, slots);
  Assignment out;
  Rounds rounds{graph, abi, out};
  for (const uint32_t device : preference) {
    const auto answer = devices[device]->claim(abi.get());
    if (!answer.ok()) {
      // The others may still run the graph; this backend's nodes carry the reason.
      rounds.decline_all(graph.order(), device, WEFT_REFUSE_OTHER, answer.error().message);
      continue;
    }
    for (const host::Claim& claim : answer->claims) rounds.enter(claim, device);
    for (const host::Refusal& refusal : answer->refusals) rounds.enter(refusal, device);
  }
  for (const NodeId id : graph.order()) {
    if (!rounds.taken.contains(id)) return nobody_claims(graph, id, out, devices, preference);
  }
  sort_units(graph, out.units);
  return out;
}

}  // namespace weft::partition
