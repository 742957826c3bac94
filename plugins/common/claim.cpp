// Claims and refusals as the ABI carries them; see claim.h.
#include "plugins/common/claim.h"

namespace weft::common {

using plugin::NodeView;

namespace {

void accept(const weft_claim_sink& sink, const NodeView& node, uint32_t flags) {
  const uint32_t index = node.index();
  weft_claim claim{};
  claim.struct_size = sizeof claim;
  claim.flags = flags;
  claim.nodes = &index;
  claim.node_count = 1;
  claim.reason = node->op_type;
  const weft_status status = sink.add(sink.ctx, &claim);
  if (status < 0) throw plugin::Failure(status, "the host refused a claim", index);
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
                   const std::function<void(const NodeView&)>& check) {
  const plugin::GraphView graph(pod);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const NodeView node = graph.node(n);
    try {
      check(node);
    } catch (const Refusal& refusal) {
      decline(sink, node, refusal);
      continue;
    }
    accept(sink, node, flags);
  }
}

}  // namespace weft::common
