// Asks every device which nodes it can run, and gives each node to the most wanted one that can.
//
// The answer keeps every refusal with its reason: `weft explain`, --stats and --require read it,
// and nothing else decides placement (no silent fallback).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/host/plugin.h"
#include "core/ir/graph.h"
#include "core/partition/schedule.h"

namespace weft::partition {

// Why a device does not take a node: weft_refusal, or the host's own reason for not granting a
// claim.
struct Decline {
  ir::NodeId node = ir::NodeId::none;
  uint32_t device = 0;
  uint32_t code = 0;                      // WEFT_REFUSE_*
  std::string why;                        // one sentence
  ir::ValueId value = ir::ValueId::none;  // the one at issue
  std::string what = {};                  // attribute or limit, by name
  int64_t found = 0, limit = 0;           // of a limit: found > limit
};

struct Assignment {
  std::vector<Unit> units;  // every live node once
  // Of devices asked before the one that got the node.
  std::vector<Decline> declines;
  // What devices asked after it say all the same: theirs change nothing.
  std::vector<Decline> late_declines;
  struct LateClaim {
    ir::NodeId node = ir::NodeId::none;
    uint32_t device = 0;
  };
  std::vector<LateClaim> late_claims;
};

// `preference` lists indices into `devices`, most wanted first. Fails (ErrorKind::plugin) naming
// the first node that no device claims, with each device's reason.
Result<Assignment> assign(const ir::Graph& graph, std::span<const host::DevicePtr> devices,
                          std::span<const uint32_t> preference);

}  // namespace weft::partition
