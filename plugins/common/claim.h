// Answering weft_api.claim node by node: claimed, or refused in words.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weft/plugin.hpp"

namespace weft::common {

// Thrown by what looks at a node; becomes a weft_refusal.
struct Refusal {
  uint32_t code = WEFT_REFUSE_OTHER;
  std::string why;
  uint32_t value = WEFT_NONE;
  std::string what{};
  int64_t found = 0, limit = 0;
};

// Claims every node that `check` accepts, with `flags` (WEFT_CLAIM_*), and declines those for which
// it throws a Refusal. Nodes of one of `together` are claimed as one when all are accepted, others
// each by itself. Throws Failure when the host refuses a claim.
void answer_claims(const weft_graph& graph, const weft_claim_sink& sink, uint32_t flags,
                   const std::function<void(const plugin::NodeView&)>& check,
                   const std::vector<std::vector<uint32_t>>& together = {});

}  // namespace weft::common
