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

// The nodes of a claim, each once, or none when one is taken: a claim is all or nothing.
std::vector<NodeId> free_nodes(const host::Claim& claim, const std::vector<NodeId>& order,
                               const std::map<NodeId, uint32_t>& taken) {
  std::vector<NodeId> nodes;
  for (const uint32_t index : claim.nodes) nodes.push_back(order[index]);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  const bool free =
      std::none_of(nodes.begin(), nodes.end(), [&](NodeId id) { return taken.contains(id); });
  if (!free) nodes.clear();
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

}  // namespace

Result<Assignment> assign(const Graph& graph, std::span<const host::DevicePtr> devices,
                          std::span<const uint32_t> preference) {
  sym::SlotTable slots;
  const AbiGraph::Part whole{graph.order(), {}, {}, {}};
  const AbiGraph abi(graph, whole, slots);
  Assignment out;
  std::map<NodeId, uint32_t> taken;  // node -> unit
  for (const uint32_t device : preference) {
    const auto answer = devices[device]->claim(abi.get());
    if (!answer.ok()) {
      // The others may still run the graph; this backend's nodes carry the reason.
      for (const NodeId id : graph.order()) {
        if (!taken.contains(id))
          out.declines.push_back({id, device, WEFT_REFUSE_OTHER, answer.error().message});
      }
      continue;
    }
    for (const host::Claim& claim : answer->claims) {
      std::vector<NodeId> nodes = free_nodes(claim, graph.order(), taken);
      if (nodes.empty()) continue;
      if (!is_convex(graph, nodes)) {
        for (const NodeId id : nodes) {
          out.declines.push_back(
              {id, device, WEFT_REFUSE_OTHER,
               "it claims nodes that cannot run as one: a path leaves them and returns"});
        }
        continue;
      }
      const bool fixed = claim.flags & WEFT_CLAIM_NEEDS_STATIC_SHAPES;
      if (const std::string why = fixed ? why_not_fixed(graph, nodes) : ""; !why.empty()) {
        for (const NodeId id : nodes) {
          out.declines.push_back({id, device, WEFT_REFUSE_DYNAMIC, why});
        }
        continue;
      }
      for (const NodeId id : nodes) taken[id] = uint32_t(out.units.size());
      out.units.push_back({device, std::move(nodes), fixed});
    }
    for (const host::Refusal& refusal : answer->refusals) {
      const NodeId id = graph.order()[refusal.node];
      if (!taken.contains(id)) out.declines.push_back({id, device, refusal.code, refusal.why});
    }
  }
  for (const NodeId id : graph.order()) {
    if (!taken.contains(id)) return nobody_claims(graph, id, out, devices, preference);
  }
  // Units in graph order: the scheduler keeps it among what is ready.
  std::map<NodeId, size_t> rank;
  for (size_t i = 0; i < graph.order().size(); ++i) rank[graph.order()[i]] = i;
  for (Unit& unit : out.units) {
    std::sort(unit.nodes.begin(), unit.nodes.end(),
              [&](NodeId a, NodeId b) { return rank[a] < rank[b]; });
  }
  std::sort(out.units.begin(), out.units.end(),
            [&](const Unit& a, const Unit& b) { return rank[a.nodes[0]] < rank[b.nodes[0]]; });
  return out;
}

}  // namespace weft::partition
