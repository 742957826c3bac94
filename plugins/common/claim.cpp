// Claims and refusals as the ABI carries them; see claim.h.
#include "plugins/common/claim.h"

#include <algorithm>

namespace weft::common {

using plugin::NodeView;

namespace {

void accept(const plugin::GraphView& graph, const weft_claim_sink& sink,
            const std::vector<uint32_t>& nodes, uint32_t flags) {
  std::string ops;
  for (const uint32_t n : nodes)
    ops += (ops.empty() ? "" : "+") + std::string(graph.node(n)->op_type);
  weft_claim claim{};
  claim.struct_size = sizeof claim;
  claim.flags = flags;
  claim.nodes = nodes.data();
  claim.node_count = uint32_t(nodes.size());
  claim.reason = ops.c_str();
  const weft_status status = sink.add(sink.ctx, &claim);
  if (status < 0) throw plugin::Failure(status, "the host refused a claim", nodes[0]);
}

void decline(const weft_claim_sink& sink, const NodeView& node, const Refusal& refusal) {
  if (!sink.decline) return;
  weft_refusal out{};
  out.struct_size = sizeof out;
  out.node = node.index();
  out.code = refusal.code;
  out.value = refusal.value;
  out.what = refusal.what.empty() ? nullptr : refusal.what.c_str();
  out.why = refusal.why.c_str();
  out.found = refusal.found;
  out.limit = refusal.limit;
  sink.decline(sink.ctx, &out);
}

}  // namespace

void answer_claims(const weft_graph& pod, const weft_claim_sink& sink, uint32_t flags,
                   const std::function<void(const NodeView&)>& check,
                   const std::vector<std::vector<uint32_t>>& together) {
  const plugin::GraphView graph(pod);
  std::vector<bool> accepted(graph->node_count);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    try {
      check(graph.node(n));
      accepted[n] = true;
    } catch (const Refusal& refusal) {
      decline(sink, graph.node(n), refusal);
    }
  }
  for (const std::vector<uint32_t>& nodes : together) {
    if (!std::all_of(nodes.begin(), nodes.end(), [&](uint32_t n) { return accepted[n]; })) continue;
    accept(graph, sink, nodes, flags);
    for (const uint32_t n : nodes) accepted[n] = false;
  }
  for (uint32_t n = 0; n < graph->node_count; n++)
    if (accepted[n]) accept(graph, sink, {n}, flags);
}

}  // namespace weft::common
